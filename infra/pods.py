"""Starts each of our programs as its pod would be started: the same command line and environment, but for addresses.

As nobody in particular, in a folder that can't be written, with servers that the application itself runs on this machine.
"""

import collections
import contextlib
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from checks.overlay import containers, environment, is_ours, name, pod
from checks.tools import BINARIES, progress

PATIENCE = 60  # seconds; five times what anything here takes
NOBODY = 65532


def free_address():
    """Below the ports that the system hands out by itself, so that nobody has it when its server is started again."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return f"127.0.0.1:{port}"


Servers = collections.namedtuple("Servers", ["mongo", "nats", "bank"])


@contextlib.contextmanager
def servers():
    """The addresses of a MongoDB, a NATS and a test bank: those of the whole application, run by its own program."""
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data"
        command = [BINARIES / "ticketing", "--free-ports", "--listen", "127.0.0.1:0", "--data-dir", data]
        # With a key of its caller, there would be no bank.
        given = {variable: value for variable, value in os.environ.items() if not variable.startswith("STRIPE_")}
        # Ctrl-C is not for it: it is stopped below, and a second signal would not let it stop its servers.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=given, process_group=0)
        try:
            said = ""
            while "Ctrl-C stops it." not in said:
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"the servers did not start: {said}")
                said += line
            mongo = re.search(r"mongodb://([^/]+)/", said).group(1)
            yield Servers(mongo, re.search(r"nats://\S+", said).group(), re.search(r"at a test bank, ([^,]+)", said).group(1))
        finally:
            process.terminate()
            process.wait(PATIENCE)


def answers(address, path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def until(what, question):
    deadline = time.monotonic() + PATIENCE
    while not question():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not in time: {what}")
        time.sleep(0.05)


def problems(docs, at):
    """What is wrong with the pods of an overlay, on these servers."""

    def local(text):
        """The same, on this machine."""
        text = re.sub(r"^mongodb://[^/]+/", f"mongodb://{at.mongo}/", text)
        text = re.sub(r"^nats://.*$", at.nats, text)
        return re.sub(r"^0\.0\.0\.0:\d+$", free_address(), text)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        for workload, container in containers(docs):
            if is_ours(container):
                progress(f"{name(workload)}: its program starts, answers its probes, and stops")
                given = {variable: local(value) for variable, value in environment(container).items()}
                if "STRIPE_KEY" in given:  # in every overlay: no check talks to Stripe
                    given |= {"STRIPE_KEY": "sk_test_bank", "STRIPE_URL": at.bank}
                try:
                    run(folder, pod(workload), container, given)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    yield f"{name(workload)}: {error}"


def run(folder, spec, container, given):
    program = folder / container["name"]
    shutil.copy(BINARIES / container["name"], program)
    program.chmod(0o755)
    rundir = folder / f"{container['name']}-run"
    rundir.mkdir()
    admin = free_address()
    here = {"--rundir=/run/ticketing": f"--rundir={rundir}", "--admin=0.0.0.0:9090": f"--admin={admin}"}
    command = [str(program)] + [here.get(arg, arg) for arg in container["args"]]
    given["HOME"] = "/nonexistent"
    if os.geteuid() == 0:
        os.chown(rundir, NOBODY, NOBODY)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", *command]
    log = (folder / f"{container['name']}.log").open("w+")
    process = subprocess.Popen(command, env={**given, "PATH": os.environ["PATH"]}, cwd="/", stderr=log)
    try:
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
            path = container[probe]["httpGet"]["path"]

            def answered(path=path):
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(f"it ended: {log.read()[-500:]}")
                return answers(admin, path)

            until(f"its {probe}", answered)
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        process.terminate()
        ended = process.wait(spec["terminationGracePeriodSeconds"] - pause)
        if ended != 0:
            raise RuntimeError(f"it ended with {ended}")
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit("error: pods.py is a part of the checks: python3 infra/check.py")
