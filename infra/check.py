#!/usr/bin/env python3
"""Checks the manifests without a cluster: they render, match the schemas of Kubernetes and the services that the program
lists (`ticketing services`), and keep our rules.

    python3 infra/check.py            check everything
    python3 infra/check.py --table    print the table of the dev overlay, as infra/README.md shows it

The rules (checks/) prove themselves: in the manifests, everything is taken away, replaced and added to, one thing at a time,
and a rule must notice (mutations.py).
Then what the pods run is run: each of our programs (pods.py), the servers of the broker (brokers.py), and the members of a
database (databases.py).
Needs the programs of `cargo build --workspace`, and the servers that `cargo test --workspace` fetches; installs kustomize,
the schemas and, with npm, MongoDB's shell into a folder of its own.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import brokers
import databases
import pods
from checks import tools
from checks.mutations import unnoticed
from checks.overlay import containers, name, render
from checks.rules import RULES, problems


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
        for problem in problems(overlay, docs):
            kept = False
            yield f"{overlay}: {problem}"
    if table(rendered["k8s-dev"]) not in (tools.INFRA / "README.md").read_text():
        yield "infra/README.md shows another table than python3 infra/check.py --table"
    if kept:
        # Members of a database wait for each other, for most of the time.
        with ThreadPoolExecutor() as beside:
            waiting = beside.submit(lambda: list(databases.problems(rendered["k8s-dev"], rendered["k8s-prod"])))
            for overlay, docs in rendered.items():
                yield from (f"{overlay}: {problem}" for problem in unnoticed(overlay, docs))
            with pods.servers() as (mongo, nats):
                yield from pods.problems(rendered["k8s-dev"], mongo, nats)
                yield from brokers.problems(rendered["k8s-prod"], mongo)
            yield from waiting.result()


def main():
    tools.installed()
    rendered = {overlay: render(overlay) for overlay in RULES}
    if sys.argv[1:] == ["--table"]:
        print(table(rendered["k8s-dev"]))
        return 0
    failed = 0
    for problem in wrong(rendered):
        failed += 1
        print(f"error: {problem}", file=sys.stderr)
    print(f"{', '.join(RULES)}: {'not ' if failed else ''}as it should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
