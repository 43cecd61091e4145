"""The rules prove themselves: whatever they are about is taken away, once for each place, and a rule must notice."""

import copy
import sys

from checks.overlay import name, pod
from checks.rules import problems

# What may well be left to its default, or is a matter of taste.
TUNING = {"periodSeconds", "timeoutSeconds", "failureThreshold", "refreshInterval", "statusCode", "mode"}
TUNED = [
    ("args", "--wiredTigerCacheSizeGB=0.25"),
    ("args", "--wiredTigerCacheSizeGB=1"),
    ("args", "--setParameter=transactionLifetimeLimitSeconds=10"),
    ("ports", {"name": "monitoring", "containerPort": 8222}),
    ("env", {"name": "GOMEMLIMIT", "value": "1600MiB"}),
]
WHOLE = {"Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "Gateway", "HTTPRoute", "ExternalSecret", "Ingress"}


def places(docs):
    """The paths of everything that a rule is about, in each document."""
    for index, doc in enumerate(docs):
        if doc["kind"] in ("Deployment", "StatefulSet"):
            yield from in_workload(index, doc)
        elif doc["kind"] == "NetworkPolicy":
            for kind in ["ingress", "egress"]:
                for place, rule in enumerate(doc["spec"].get(kind, [])):
                    yield [index, "spec", kind, place]
                    yield from ([index, "spec", kind, place, key] for key in rule)
            yield [index, "spec", "policyTypes"]
        elif doc["kind"] in WHOLE:
            yield from inside([index, "spec"], doc["spec"])
        yield [index]


def in_workload(index, doc):
    here = [index, "spec", "template", "spec"]
    yield from ([*here, key] for key in ["securityContext", "automountServiceAccountToken"])
    yield from ([*here, "securityContext", key] for key in pod(doc)["securityContext"])
    yield [*here, "terminationGracePeriodSeconds"]
    yield from ([*here, "volumes", place] for place in range(len(pod(doc)["volumes"])))
    spreads = pod(doc).get("topologySpreadConstraints", [])
    yield from inside([*here, "topologySpreadConstraints"], spreads)
    for place, container in enumerate(pod(doc)["containers"]):
        there = [*here, "containers", place]
        yield there
        for key, found in container.items():
            yield [*there, key]
            if isinstance(found, dict) and key != "lifecycle":
                yield from ([*there, key, inner] for inner in found if inner not in TUNING)
            if isinstance(found, list):
                yield from ([*there, key, inner] for inner in range(len(found)) if (key, found[inner]) not in TUNED)
    if doc["kind"] == "StatefulSet":
        yield from ([index, "spec", key] for key in ["serviceName", "volumeClaimTemplates"])
    if doc["spec"].get("replicas", 1) > 1:
        yield from ([index, "spec", key] for key in ["replicas", "podManagementPolicy"] if key in doc["spec"])


def inside(path, value):
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, inner in found:
        if key not in TUNING:
            yield [*path, key]
            yield from inside([*path, key], inner)


def without(docs, path):
    """The same documents but for one thing; what is not on the way to it is shared."""
    changed = copy.copy(docs)
    at = changed
    for key in path[:-1]:
        at[key] = copy.copy(at[key])
        at = at[key]
    del at[path[-1]]
    return changed


def without_a_line(docs):
    """Once for each line of the broker's settings."""
    for index, doc in enumerate(docs):
        if doc["kind"] == "ConfigMap" and "nats.conf" in doc["data"]:
            lines = doc["data"]["nats.conf"].splitlines()
            for place, line in enumerate(lines):
                if line.strip() and not line.strip().startswith(("#", "no_advertise")):
                    rest = "\n".join(lines[:place] + lines[place + 1 :])
                    changed = copy.copy(docs)
                    changed[index] = {**doc, "data": {"nats.conf": rest}}
                    yield f"line {place + 1} of nats.conf", changed


def unnoticed(overlay, docs):
    less = [(f"{name(docs[path[0]])} {'.'.join(map(str, path[1:]))}".strip(), path) for path in places(docs)]
    count = 0
    for what, changed in [*((what, without(docs, path)) for what, path in less), *without_a_line(docs)]:
        count += 1
        if next(problems(overlay, changed), None) is None:
            yield f"nobody notices that there is no {what}"
    print(f"  {overlay}: {count} places taken away, one at a time", file=sys.stderr)
