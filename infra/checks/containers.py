"""Rules: each pod is one container of the right program, nobody in particular, bounded, and gets the time to stop."""

import re

from checks.application import ANSWERING, DATABASES, PORTS, PROGRAMS, ports, program
from checks.expected import AMOUNT, amount, differences
from checks.overlay import app, containers, name, pod, workloads

# What must be there, and what may be.
PARTS = {
    "Deployment": ({"selector", "template"}, {"replicas"}),
    "StatefulSet": (
        {"replicas", "selector", "serviceName", "template", "volumeClaimTemplates"},
        {"podManagementPolicy"},
    ),
    "pod": (
        {"automountServiceAccountToken", "containers", "securityContext", "terminationGracePeriodSeconds", "volumes"},
        {"topologySpreadConstraints"},
    ),
    "container": (
        {"args", "env", "image", "livenessProbe", "name", "ports", "readinessProbe", "resources", "securityContext"}
        | {"startupProbe", "volumeMounts"},
        {"lifecycle"},
    ),
}
USERS = {"mongo": 999, "nats": 1000}
OURS = 65532  # as in the Dockerfile
HASH = 46 * 2**20  # bytes that the hash of a password takes


def pods_have_no_other_parts(docs):
    """No container before or beside theirs, nothing of the machine's, and nothing that no rule is about."""
    for workload in workloads(docs):
        yield from other_parts(workload["spec"], workload["kind"], name(workload))
        if set(workload["spec"]["template"]) != {"metadata", "spec"} or len(pod(workload)["containers"]) != 1:
            yield f"{name(workload)}: its pods are not one container each"
        yield from other_parts(pod(workload), "pod", name(workload))
        for container in pod(workload)["containers"]:
            yield from other_parts(container, "container", name(workload))


def other_parts(found, of, where):
    must, may = PARTS[of]
    yield from (f"{where}: no {key}" for key in sorted(must - set(found)))
    yield from (f"{where}: {key} is more than a {of} here has" for key in sorted(set(found) - must - may))


def nobody_is_root(docs):
    for workload, container in containers(docs):
        user = USERS.get(program(app(workload)), OURS)
        wanted = {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "fsGroup": user}
        wanted["seccompProfile"] = {"type": "RuntimeDefault"}
        yield from differences(pod(workload)["securityContext"], wanted, f"{name(workload)} securityContext")
        confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        yield from differences(container["securityContext"], confined, f"{name(workload)} container securityContext")
        if pod(workload)["automountServiceAccountToken"] is not False:
            yield f"{name(workload)}: it could talk to the cluster in somebody's name"


def programs_are_started_as_they_are_tested(docs):
    for workload, container in containers(docs):
        runs = program(app(workload))
        if container["name"] != runs:
            yield f"{name(workload)}: its container is not called {runs}"
        if app(workload) in PROGRAMS:
            args = ["run", "--rundir=/run/ticketing", "--admin=0.0.0.0:9090"]
        elif app(workload) in DATABASES:
            # What a killed client has left open keeps its records locked for ten seconds, and not for sixty.
            args = ["--replSet=rs0", "--bind_ip_all", re.compile(r"--wiredTigerCacheSizeGB=[\d.]+")]
            args += ["--setParameter=transactionLifetimeLimitSeconds=10"]
        else:
            args = ["--config=/etc/nats/nats.conf"]
        yield from differences(container["args"], args, f"{name(workload)} args")


def ports_are_those_of_the_program(docs):
    for workload, container in containers(docs):
        wanted = {port: {"name": port, "containerPort": PORTS[port]} for port in ports(app(workload), docs)}
        found = {port["name"]: port for port in container["ports"]}
        yield from differences(found, wanted, f"{name(workload)} ports")
        if len(found) != len(container["ports"]):
            yield f"{name(workload)}: two of its ports have the same name"


def resources_are_asked_for_and_bounded(docs):
    for workload, container in containers(docs):
        where, found = name(workload), container["resources"]
        wanted = {"requests": {"cpu": AMOUNT, "memory": AMOUNT}, "limits": {"memory": AMOUNT}}
        if app(workload) == "auth":
            # It hashes as many passwords at once as it has processors.
            wanted["limits"]["cpu"] = range(1, 65)
        yield from differences(found, wanted, f"{where} resources")
        asked, most = amount(found["requests"]["memory"]), amount(found["limits"]["memory"])
        if asked + found["limits"].get("cpu", 0) * HASH > most:
            yield f"{where}: {found['limits']['memory']} of memory are not enough"
        if app(workload) in DATABASES and float(container["args"][2].split("=")[1]) * 2**30 > most / 2:
            yield f"{where}: its cache leaves too little memory to the rest of it"


def stops_in_time(docs):
    """A service needs up to 25 s to stop; the pause before that counts too."""
    for workload, container in containers(docs):
        least, pause = 30 if app(workload) in PROGRAMS else 60, 0
        if app(workload) in ANSWERING:
            # Requests may come until the Service has forgotten the pod.
            wanted = {"preStop": {"sleep": {"seconds": range(5, 31)}}}
            yield from differences(container["lifecycle"], wanted, f"{name(workload)} lifecycle")
            pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        elif "lifecycle" in container:
            yield f"{name(workload)}: it has no requests to wait for"
        if pod(workload)["terminationGracePeriodSeconds"] < least + pause:
            yield f"{name(workload)}: it may be killed before its end, or before its data is safe"
