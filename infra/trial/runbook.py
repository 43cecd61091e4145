"""The runbook of infra/README.md, followed to the letter: its commands are run by bash, with the trial's kubectl."""

import os
import re
import subprocess
import sys
import tempfile

from checks.tools import INFRA, progress
from trial import updates
from trial.bases import STANDINS
from trial.kubectl import Kubectl
from trial.load import Load
from trial.people import Person

# What the README says of k8s-dev, in the paragraph below the commands.
OF_DEV = {
    "--replicas=2": "--replicas=1",
    "auth tickets orders payments;": "auth tickets orders payments bank;",
    "gateway-depl --": "gateway-depl bank-depl --",
    "gateway)": "gateway,bank)",
}


def followed(section):
    """A trial that follows one section."""

    def trial(cluster):
        with Kubectl(cluster) as kubectl, tempfile.TemporaryDirectory() as folder:
            yield section.__doc__, section(cluster, Shell(kubectl, folder))

    trial.__doc__ = f"By the runbook: {section.__doc__}."
    return trial


def commands(heading):
    """Those of a section of the README, one a console line with what follows it."""
    readme = (INFRA / "README.md").read_text()
    section = re.search(rf"^### {re.escape(heading)}$(.*?)(?=^##|\Z)", readme, re.MULTILINE | re.DOTALL)[1]
    blocks = re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [re.split(r"^\$ ", block, flags=re.MULTILINE)[1:] for block in blocks]


class Shell:
    """Somebody at a terminal, in a folder."""

    def __init__(self, kubectl, folder):
        self.folder = folder
        program = kubectl.path / "nats"
        program.write_text(f"#!/bin/sh\nexec {sys.executable} {STANDINS / 'nats_command.py'} \"$@\"\n")
        program.chmod(0o755)
        self.given = {**os.environ, "PATH": f"{kubectl.path}:{os.environ['PATH']}"}

    def run(self, command, may_fail=False):
        for some, others in OF_DEV.items():
            command = command.replace(some, others)
        progress(f"$ {command.strip().splitlines()[0]}")
        words = ["bash", "-euo", "pipefail", "-c", command]
        done = subprocess.run(words, cwd=self.folder, env=self.given, capture_output=True, text=True, timeout=300)
        if done.returncode != 0 and not may_fail:
            raise RuntimeError(f"$ {command.strip()}: exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
        return done.stdout + done.stderr


def scaled(cluster, shell):
    """three pods of tickets, an update, and rolled back"""
    [[scale, status, undo]] = commands("Scale, update, roll back")
    name = "tickets-depl"
    with Load(cluster) as load:
        shell.run(scale)
        shell.run(status)
        if len([pod for pod in cluster.of(name) if pod.ready]) != 3:
            raise RuntimeError("there are not three pods of tickets")
        before = cluster.workloads[name]
        cluster.roll(name, updates.changed(before))
        shell.run(undo)
        shell.run(status)
        if cluster.workloads[name] != before:
            raise RuntimeError("the update was not rolled back")
        shell.run(scale.replace("--replicas=3", "--replicas=1"))
        load.until_more()
    return load.summary()


def restored(cluster, shell):
    """all databases and the broker backed up, and restored"""
    [[stop, wait, databases, broker, start], [back, remove, bring]] = commands("Back up and restore")
    with Load(cluster) as load:
        load.until_more(5)
    load.summary()
    while_stopped(cluster, shell, [stop, wait, databases, broker], start)
    later = Person(cluster.ingress.host).sign_up()
    lost = later.sell()
    while_stopped(cluster, shell, [stop, wait, back, remove, bring], start)
    if load.people[0][0].ask("GET", f"/api/tickets/{lost}")[0] != 404:
        raise RuntimeError("what was sold after the backup is still there")
    with Load(cluster) as again:
        again.until_more()
    again.summary()
    return f"restored: {load.summary()}; what came after the backup is gone"


def while_stopped(cluster, shell, steps, start):
    """The services start again even if a step fails: other trials follow."""
    try:
        for command in steps:
            shell.run(command)
    finally:
        shell.run(start)
        cluster.until_ready()


def inspected(cluster, shell):
    """the bus inspected, with a dead letter"""
    [[ls, dlq, redrive, audit, repair, replay]] = commands("Inspect the bus")
    if "orders-service" not in shell.run(ls):
        raise RuntimeError("bus ls shows no consumer of orders")
    shell.run("nats pub ticket:created nonsense")
    letters = ""
    for _ in range(100):
        letters = shell.run(dlq)
        if "orders-service" in letters:
            break
    else:
        raise RuntimeError(f"what can't be read is no dead letter: {letters}")
    if "failed again" not in shell.run(redrive, may_fail=True):
        raise RuntimeError("what still can not be read was redriven")
    for command in audit, repair, replay:
        shell.run(command)
    # No outbox knows the nonsense, and the audit of tickets, whose event it would be, must say so.
    said = shell.run(audit.replace("orders", "tickets"), may_fail=True)
    if "no outbox has recorded" not in said:
        raise RuntimeError(f"the audit of tickets does not notice what somebody else has published: {said[-300:]}")
    with Load(cluster) as load:
        load.until_more()
    return f"dlq ls: {letters.strip().splitlines()[-1]}; {load.summary(audited=['orders', 'payments'])}"
