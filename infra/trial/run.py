"""The whole trial, in order: bases, images, pods, smoke, what a cluster does to pods; and then nothing is left."""

import http.client
import shutil
import subprocess
import sys
import threading

from checks.overlay import render
from checks.rules import LOCAL
from checks.tools import progress
from trial import as_written, broken, full, hygiene, images, losses, report, runbook, sandbox, updates
from trial.cluster import Cluster, translated
from trial.smoke import smoke

TRIALS = {
    "rolling": updates.rolling,
    "drain": updates.drain,
    "pods": losses.each_pod,
    "broker": losses.the_broker,
    "database": losses.a_database,
    "full": full.both,
    "scale": runbook.followed(runbook.scaled),
    "restore": runbook.followed(runbook.restored),
    "dead-letters": runbook.followed(runbook.inspected),
    "broken": broken.values,
}
# What goes wrong in a trial, and not in its program.
FAILURES = (RuntimeError, OSError, http.client.HTTPException, subprocess.TimeoutExpired)


def print_trials():
    for name, trial in TRIALS.items():
        print(f"{name:12} {(trial.__doc__ or '').splitlines()[0]}")
    return 0


def everything(options, front_door):
    """The exit code."""
    timings, results = report.Timings(), report.Table("trial", "what came of it")
    docs = render(LOCAL)
    failed = 0

    def wrong(problem):
        nonlocal failed
        failed += 1
        print(f"error: {problem}", file=sys.stderr)

    chosen = options.image or ([] if options.short or options.built else images.crates(docs))
    with timings.of("stand-ins for the bases"):
        for line in images.make_bases(docs, chosen):
            print(f"stand-in: {line}")
    with timings.of("images"):
        seconds = dict(images.make(docs, chosen))
    print(hygiene.table(docs, seconds))
    for problem in hygiene.problems(docs):
        wrong(problem)
    for line in translated():
        print(f"translated: {line}")
    here = Cluster(docs, front_door)
    try:
        with timings.of("pods, from nothing until all are ready"):
            progress("the pods start")
            here.deploy()
            here.until_ready()
        for problem in [problem for pod in here.pods for problem in as_written.problems(pod)]:
            wrong(problem)
        print(f"{len(here.pods)} pods run, each compared with its manifest")
        with timings.of("smoke test"):
            for line in smoke(here):
                progress(line)
        for name in [] if options.short else options.only or TRIALS:
            with timings.of(name):
                try:
                    for row in TRIALS[name](here):
                        results.add(*row)
                        progress(": ".join(row))
                except FAILURES as error:  # the others may still be tried
                    wrong(f"{name}: {error}")
        if options.keep:
            wait(here, front_door)
    except FAILURES as error:
        wrong(error)
    finally:
        with timings.of("down"):
            for problem in here.stop_all():
                wrong(problem)
    print(results if results.rows else "", timings, sep="\n")
    used = subprocess.run(["du", "-sm", sandbox.folder()], capture_output=True, text=True).stdout.split()[0]
    print(f"disk used by images, containers and volumes: {used} MB; free: {shutil.disk_usage(sandbox.folder()).free >> 20} MB")
    return 1 if failed else 0


def wait(here, front_door):
    host, port = front_door.getsockname()
    print(f"the front door: curl -H 'host: {here.ingress.host}' http://{host}:{port}/ ; Ctrl-C ends it")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
