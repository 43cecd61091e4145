"""The whole trial, in order: bases, images, pods, smoke, what a cluster does to pods; and then nothing is left."""

import shutil
import subprocess
import sys
import threading
import time

from checks.overlay import render
from checks.rules import LOCAL
from checks.tools import progress
from trial import as_written, cluster, engine, images, report, sandbox
from trial.smoke import smoke

TRIALS = {}


def print_trials():
    print("\n".join(TRIALS))
    return 0


def everything(options, front_door):
    """The exit code."""
    timings = report.Timings()
    docs = render(LOCAL)
    print(f"storage driver: {engine.driver()}")
    with timings.of("stand-ins for the bases"):
        for line in images.make_bases(docs):
            print(f"stand-in: {line}")
    with timings.of("images"):
        for crate, seconds in images.of_built_programs(docs):
            print(f"image: ticketing/{crate} in {seconds:.1f} s")
    for line in cluster.translated():
        print(f"translated: {line}")
    here = cluster.Cluster(docs, front_door)
    failed = 0
    try:
        with timings.of("pods, from nothing until all are ready"):
            progress("the pods start")
            here.deploy()
            here.until_ready()
        for pod in here.pods:
            for problem in as_written.problems(pod):
                failed += 1
                print(f"error: {problem}", file=sys.stderr)
        print(f"{len(here.pods)} pods run {'not ' if failed else ''}as their manifests say")
        with timings.of("smoke test"):
            for line in smoke(here):
                progress(line)
        if options.keep:
            wait(here, front_door)
    finally:
        with timings.of("down"):
            for problem in here.stop_all():
                failed += 1
                print(f"error: {problem}", file=sys.stderr)
    print(timings.table())
    used = subprocess.run(["du", "-sm", sandbox.folder()], capture_output=True, text=True).stdout.split()[0]
    print(f"disk used by images, containers and volumes: {used} MB; free: {shutil.disk_usage(sandbox.folder()).free >> 20} MB")
    return 1 if failed else 0


def wait(here, front_door):
    host, port = front_door.getsockname()
    print(f"the front door: curl -H 'host: {here.ingress.host}' http://{host}:{port}/ ; Ctrl-C ends it", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
