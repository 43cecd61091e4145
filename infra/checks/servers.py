"""Rules: the servers of the broker, and the members of each database, have each other's addresses."""

import functools
import pathlib
import subprocess
import tempfile

from checks.application import DATABASES, servers_of_the_broker
from checks.expected import differences
from checks.overlay import app, members, name, named, of_kind
from checks.tools import server


def members_find_each_other(docs):
    """By a Service that names them before they are ready; so all start at once. A lone broker has nobody to find."""
    for workload in of_kind(docs, "StatefulSet"):
        lone = app(workload) == "nats" and servers_of_the_broker(docs) == 1
        service = f"{app(workload)}-srv" if lone or app(workload) in DATABASES else "nats-cluster-srv"
        if workload["spec"]["serviceName"] != service:
            yield f"{name(workload)}: its pods have no names in {service}"
        if workload["spec"].get("podManagementPolicy") != (None if lone else "Parallel"):
            yield f"{name(workload)}: the first pod waits for the others, and they for it"


def the_broker_is_configured(docs):
    broker = named(docs, "StatefulSet")["nats-depl"]
    wanted = {
        "server_name": "$POD_NAME",
        "http_port": "8222",
        # What is confirmed is on the disk, also when the power fails.
        "jetstream": {"store_dir": "/data", "sync_interval": "always"},
    }
    if servers_of_the_broker(docs) > 1:
        routes = [f"nats://{member}:6222" for member in members(broker)]
        wanted["cluster"] = {"name": "ticketing", "port": "6222", "routes": routes, "no_advertise": "true"}
    [text] = [config["data"]["nats.conf"] for config in of_kind(docs, "ConfigMap") if "nats.conf" in config["data"]]
    yield from differences(settings(text), wanted, "nats.conf")
    yield from misunderstood(text)


def settings(text):
    """What a nats.conf says, as we write it: one thing a line."""
    at = [{}]
    for line in (line.split("#")[0].strip() for line in text.splitlines()):
        key, _, value = line.partition(": ")
        if line in ("}", "]"):
            at.pop()
        elif line.endswith("{"):
            at.append(at[-1].setdefault(line.removesuffix("{").strip(), {}))
        elif value == "[":
            at.append(at[-1].setdefault(key, []))
        elif line and isinstance(at[-1], list):
            at[-1].append(line)
        elif line:
            at[-1][key] = value
    return at[0]


@functools.cache
def misunderstood(text):
    """What nats-server itself says of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "nats.conf"
        file.write_text(text)
        command = [server("nats-server"), "-t", "-c", file]
        checked = subprocess.run(command, capture_output=True, text=True, env={"POD_NAME": "pod-1"})
    return [] if checked.returncode == 0 else [checked.stderr.strip()]
