"""Rules: the servers of the broker, and the members of each database, are told of each other, and the services of them."""

import functools
import pathlib
import re
import subprocess
import tempfile

from checks.overlay import environment, is_ours, members, name, named, of_kind, pod, replicas, running, selected
from checks.overlay import containers, program
from checks.tools import server


def members_find_each_other(docs):
    """Pods that are known by name have a Service for that, which names them before they are ready; so all start at once."""
    services = named(docs, "Service")
    lone_broker = [workload for workload, _ in running(docs, "nats") if replicas(workload) == 1]
    for workload in of_kind(docs, "StatefulSet"):
        found = services.get(workload["spec"].get("serviceName"))
        if not found or workload not in selected({"matchLabels": found["spec"].get("selector", {})}, docs):
            yield f"{name(workload)}: its Service is not there"
        elif workload not in lone_broker:
            if found["spec"].get("clusterIP") != "None" or not found["spec"].get("publishNotReadyAddresses"):
                yield f"{name(found)}: it does not name each pod, ready or not"
        if replicas(workload) > 1 and workload["spec"].get("podManagementPolicy") != "Parallel":
            yield f"{name(workload)}: the first pod waits for the others, and they for it"


def the_broker_is_configured(docs):
    configs = named(docs, "ConfigMap")
    for workload, container in running(docs, "nats"):
        where = name(workload)
        ports = {port.get("name"): str(port.get("containerPort")) for port in container.get("ports", [])}
        mounts = {mount.get("mountPath"): mount.get("name") for mount in container.get("volumeMounts", [])}
        volumes = {volume["name"]: volume for volume in pod(workload).get("volumes", [])}
        config = volumes[mounts["/etc/nats"]]["configMap"]["name"]
        text = configs[config]["data"]["nats.conf"]
        yield from (f"{where}: {problem}" for problem in misunderstood(text))
        found = settings(text)
        if found.get("server_name") != "$POD_NAME" or environment(container).get("POD_NAME") != "pod-1":
            yield f"{where}: a server is not named as its pod"
        if found.get("http_port") != ports.get("monitoring"):
            yield f"{where}: its monitoring has another port"
        jetstream = found.get("jetstream", {})
        if jetstream.get("store_dir") not in mounts:
            yield f"{where}: its streams are not on a volume"
        if jetstream.get("sync_interval") != "always":
            yield f"{where}: what it confirms may be lost with the power"
        cluster = found.get("cluster", {})
        routes = [f"nats://{member}:{cluster.get('port')}" for member in members(workload)]
        if replicas(workload) == 1:
            if cluster:
                yield f"{where}: a lone server waits for others"
        elif cluster.get("routes") != routes or not cluster.get("name") or cluster.get("port") != ports.get("cluster"):
            yield f"{where}: its routes are not to its pods"
    yield from replicas_are_servers(docs)


def replicas_are_servers(docs):
    servers = [replicas(workload) for workload, _ in running(docs, "nats")]
    for workload, container in containers(docs):
        given = environment(container)
        if "NATS_URL" in given and [int(given.get("NATS_REPLICAS", 1))] != servers:
            yield f"{name(workload)}: it wants another number of replicas than there are servers"


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
        command = [server("nats-server", "NATS_SERVER_BIN"), "-t", "-c", file]
        checked = subprocess.run(command, capture_output=True, text=True, env={"POD_NAME": "pod-1"})
    return [] if checked.returncode == 0 else [checked.stderr.strip()]


def databases_know_their_members(docs):
    sets = {}
    for workload, container in running(docs, "mongo"):
        names = [argument.removeprefix("--replSet=") for argument in container["args"] if "--replSet=" in argument]
        sets[workload["metadata"]["name"]] = names
        hosts = [f"{member}:27017" for member in members(workload)]
        for number, host in enumerate(hosts):
            given = environment(container, f"{workload['metadata']['name']}-{number}")
            if given.get("MEMBERS", "").split(" ") != hosts:
                yield f"{name(workload)}: its MEMBERS are not its pods"
            if given.get("HOST") != host:
                yield f"{name(workload)}: a pod is told that it is {given.get('HOST')}, and is {host}"
            if given.get("HOME") != "/tmp":
                yield f"{name(workload)}: mongosh keeps its notes among the data"
    services = named(docs, "Service")
    for workload, container in containers(docs):
        address = environment(container).get("MONGO_URI") if is_ours(container) else None
        if not address:
            continue
        host, wanted = re.search(r"//([\w-]+):27017/\w+\?replicaSet=(\w+)$", address).groups()
        found = selected({"matchLabels": services[host]["spec"]["selector"]}, docs)[0]["metadata"]["name"]
        if found != f"{program(container)}-mongo-depl" or sets.get(found) != [wanted]:
            yield f"{name(workload)}: it looks for another database than its own"
