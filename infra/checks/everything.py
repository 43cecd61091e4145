"""All checks, one after the other, with their progress."""

import sys

import brokers
import databases
import pods
from checks import tools
from checks.application import PROGRAMS
from checks.mutations import unnoticed, unnoticed_addresses, unnoticed_banks, unnoticed_loss
from checks.overlay import containers, name, render
from checks.rules import BASE, LOCAL, RULES, problems
from checks.tools import progress
from checks.translations import unnoticed_translations


def table(docs):
    lines = ["| workload | image | ports | memory: asked, at most | volume |", "| --- | --- | --- | --- | --- |"]
    for workload, container in containers(docs):
        ports = ", ".join(f"{port['name']} {port['containerPort']}" for port in container["ports"])
        resources = container["resources"]
        memory = f"{resources['requests']['memory']}, {resources['limits']['memory']}"
        claims = workload["spec"].get("volumeClaimTemplates", [])
        volume = claims[0]["spec"]["resources"]["requests"]["storage"] if claims else ""
        lines.append(f"| {name(workload)} | {container['image']} | {ports} | {memory} | {volume} |")
    return "\n".join(lines)


def wrong(rendered):
    """Everything that is wrong, a line each."""
    kept = True
    for overlay, docs in rendered.items():
        progress(f"{overlay}: the rules")
        for problem in problems(overlay, docs):
            kept = False
            yield f"{overlay}: {problem}"
    if table(rendered[LOCAL]) not in (tools.INFRA / "README.md").read_text():
        yield "infra/README.md shows another table than python3 infra/check.py --table"
    if kept:
        overlays = [overlay for overlay in rendered if overlay != BASE]
        # The changes take a processor each; the members of a database wait for each other, for most of the time.
        with tools.workers(len(overlays) + len(databases.TRIALS)) as processes:
            changes = [processes.submit(tools.interruptible, unnoticed_changes, overlay, rendered) for overlay in overlays]
            progress("beside all this: the members of a database are created, joined and killed")
            trials = databases.started(processes, rendered[LOCAL], rendered["k8s-prod"])
            for change in changes:
                yield from change.result()
            progress("starting a database and a broker for the programs")
            with pods.servers() as at:
                yield from pods.problems(rendered[LOCAL], at)
                progress("k8s-prod: the three brokers, one of which loses its volume")
                yield from brokers.problems(rendered["k8s-prod"], at)
            progress("waiting for the members of the databases")
            yield from databases.problems(trials)


def unnoticed_changes(overlay, rendered):
    """What is changed in an overlay, which has the base in it, without a rule that notices; a line each."""
    docs = rendered[overlay]
    progress(f"{overlay}: the manifests are changed, one thing at a time: the rules must notice")
    found = [f"{overlay}: {problem}" for problem in unnoticed(overlay, docs)]
    if overlay == LOCAL:
        return [*found, *unnoticed_loss(rendered[BASE]), *unnoticed_addresses(docs), *unnoticed_translations(docs)]
    return [*found, *(f"{overlay}: {problem}" for problem in unnoticed_banks(docs, rendered[LOCAL]))]


def check():
    """Checks everything; the exit code."""
    tools.need_programs(PROGRAMS)
    for name in tools.SERVERS:
        tools.server(name)
    failed = 0
    for problem in wrong({overlay: render(overlay) for overlay in RULES}):
        failed += 1
        print(f"error: {problem}", file=sys.stderr)
    print(f"{', '.join(RULES)}: {'not ' if failed else ''}as it should be")
    return 1 if failed else 0


def print_table():
    """Prints the table of the dev overlay; the exit code."""
    print(table(render(LOCAL)))
    return 0
