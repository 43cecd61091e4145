"""What must not be added, or put in the place of something, one at a time: all of it Kubernetes would take."""

from checks.application import DATABASES
from checks.changes import found, inside, put
from checks.overlay import app, name

ROOT = {"name": "root", "image": "busybox:1.37", "command": ["sh"], "securityContext": {"runAsUser": 0, "privileged": True}}
TEMPLATE = {"metadata": {"labels": {"app": "root"}}, "spec": {"containers": [ROOT], "restartPolicy": "Never"}}
SELECTING = {"selector": {"matchLabels": {"app": "root"}}, "template": TEMPLATE}
TO_THE_BROKER = {"type": "LoadBalancer", "selector": {"app": "nats"}, "ports": [{"name": "client", "port": 4222}]}
EVERYTHING = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}

DOCUMENTS = [
    {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "root"}, "spec": {"template": TEMPLATE}},
    {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "root"}, "spec": SELECTING},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "root"}, "spec": SELECTING},
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": TEMPLATE["spec"]},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "jwt-secret"}, "data": {"JWT_KEY": "a2V5"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "another"}, "data": {"key": "value"}},
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "another"}, "spec": TO_THE_BROKER},
    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "another"}, "spec": EVERYTHING},
]
TO_PODS = {
    "initContainers": [ROOT],
    "hostNetwork": True,
    "hostPID": True,
    "hostIPC": True,
    "shareProcessNamespace": True,
    "serviceAccountName": "another",
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
}
TO_CONTAINERS = {
    "command": ["sh"],
    "envFrom": [{"configMapRef": {"name": "missing"}}],
    "lifecycle": {"postStart": {"exec": {"command": ["sh"]}}},
    "startupProbe": {"httpGet": {"path": "/", "port": "http"}},
    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
    "livenessProbe": {"httpGet": {"path": "/livez", "port": "http"}},
    # More than it may have, and less than it needs.
    "resources": {"requests": {"cpu": "1m", "memory": "64Gi"}, "limits": {"memory": "64Mi"}},
}
VOLUMES = [
    {"hostPath": {"path": "/"}},
    {"secret": {"secretName": "missing"}},
    {"configMap": {"name": "missing"}},
    {"emptyDir": {}},
]
TO_SERVICES = [("type", "LoadBalancer"), ("type", "NodePort"), ("type", "ExternalName"), ("externalIPs", ["192.0.2.1"])]
TO_SERVICES += [("publishNotReadyAddresses", True), ("publishNotReadyAddresses", False), ("clusterIP", "None")]
PEERS = [
    {"podSelector": {}},
    {"podSelector": {"matchLabels": {"app": "stranger"}}},
    {"namespaceSelector": {}},
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}, "podSelector": {}},
    {"ipBlock": {"cidr": "0.0.0.0/0"}},
]


def additions(docs):
    """What is added, and the documents with it."""
    for doc in DOCUMENTS:
        yield name(doc), [*docs, doc]
    for index, doc in enumerate(docs):
        for path, value in to_document(docs, index):
            yield f"{name(doc)} {'.'.join(map(str, path[1:]))}: {value}", put(docs, path, value)


def to_document(docs, index):
    kind = docs[index]["kind"]
    yield [index, "metadata", "namespace"], "another"
    if kind in ("Deployment", "StatefulSet"):
        yield from to_workload(docs, index)
    if kind == "Service":
        yield from to_service(docs, index)
    if kind == "NetworkPolicy":
        yield from to_policy(docs, index)
    if kind == "HorizontalPodAutoscaler":
        yield [index, "spec", "minReplicas"], docs[index]["spec"]["maxReplicas"]


def to_workload(docs, index):
    pod = [index, "spec", "template", "spec"]
    container = [*pod, "containers", 0]
    yield from (([*pod, key], value) for key, value in TO_PODS.items())
    yield from (([*container, key], value) for key, value in TO_CONTAINERS.items())
    yield [*pod, "containers"], [*found(docs, pod)["containers"], ROOT]
    yield [*container, "securityContext", "privileged"], True
    yield [*container, "securityContext", "capabilities", "add"], ["SYS_ADMIN"]
    yield [*container, "image"], found(docs, container)["image"].split(":")[0] + ":latest"
    yield from to_volumes(docs, pod, container)
    yield from to_environment(docs, [*container, "env"])
    resources = found(docs, container)["resources"]
    if "cpu" in resources["limits"]:
        yield [*container, "resources", "limits", "memory"], resources["requests"]["memory"]
    if app(docs[index]) in DATABASES:
        yield [*container, "args", 2], "--wiredTigerCacheSizeGB=64"
        yield [*container, "env"], found(docs, container)["env"][::-1]


def to_volumes(docs, pod, container):
    first, *others = found(docs, pod)["volumes"]
    for volume in VOLUMES:
        yield [*pod, "volumes"], [first, *others, {"name": "another", **volume}]
        yield [*pod, "volumes"], [{"name": first["name"], **volume}, *others]
    for place, _ in enumerate(found(docs, container)["volumeMounts"]):
        yield [*container, "volumeMounts", place, "readOnly"], True
        yield [*container, "volumeMounts", place, "subPath"], "below"


def to_environment(docs, env):
    """Each a second time; and as a constant, what only the cluster knows."""
    variables = found(docs, env)
    for place, variable in enumerate(variables):
        yield env, [*variables, variable]
        if "valueFrom" in variable:
            yield [*env, place], {"name": variable["name"], "value": "constant"}
            yield [*env, place, "valueFrom"], {"fieldRef": {"fieldPath": "metadata.namespace"}}
        if variable["name"] == "GOMEMLIMIT":
            yield [*env, place, "value"], "64000MiB"


def to_service(docs, index):
    spec = docs[index]["spec"]
    yield from (([index, "spec", key], value) for key, value in TO_SERVICES if spec.get(key) != value)
    for place, _ in enumerate(spec["ports"]):
        yield [index, "spec", "ports", place, "protocol"], "UDP"
        yield [index, "spec", "ports", place, "nodePort"], 30000


def to_policy(docs, index):
    for path, value in list(inside([index, "spec"], docs[index]["spec"])):
        if path[-1] in ("from", "to"):
            yield path, []
            yield from ((path, [*value, peer]) for peer in PEERS)
        if path[-1] == "namespaceSelector":
            yield path, {}
        if path[-1] in ("ingress", "egress"):
            yield path, [*value, {}]
        if path[-1] == "ports":
            if not {"from", "to"} & set(found(docs, path[:-1])):
                yield from (([*path[:-1], "from"], [peer]) for peer in PEERS)
            yield path, []
            yield path, [*value, {"protocol": "TCP"}]
            for place, port in enumerate(value):
                yield [*path, place, "endPort"], 65535
                yield [*path, place, "protocol"], "TCP" if port.get("protocol") == "UDP" else "UDP"
