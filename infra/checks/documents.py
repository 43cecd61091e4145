"""Rules: nothing is deployed but what the other rules are about, and all of it is called as everybody expects."""

from checks.application import apps, kind
from checks.expected import differences
from checks.overlay import app, name, pod, workloads

KINDS = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Service": "v1",
    "StatefulSet": "apps/v1",
}
LOCAL = {"Ingress": "networking.k8s.io/v1"}
REAL = {
    "ExternalSecret": "external-secrets.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}


def the_base_gets_nothing_else(docs):
    yield from strangers(docs, KINDS)


def a_local_cluster_gets_nothing_else(docs):
    yield from strangers(docs, KINDS | LOCAL)


def a_real_cluster_gets_nothing_else(docs):
    yield from strangers(docs, KINDS | REAL)


def strangers(docs, known):
    """No Secret, since git would keep it; and no pods of another kind, since no rule would look at them."""
    for doc in docs:
        if known.get(doc["kind"]) != doc["apiVersion"]:
            yield f"{name(doc)}: nothing else here is a {doc['kind']} of {doc['apiVersion']}"


def workloads_are_those_of_the_application(docs):
    """One manifest for each service that the program lists and for the bank, for each of their databases, and the broker."""
    found = list(map(name, workloads(docs)))
    wanted = [f"{kind(one)}/{one}-depl" for one in apps(docs)]
    listed = "of the services that `ticketing services` lists"
    yield from (f"{one}, {listed}, has no manifest" for one in wanted if one not in found)
    yield from (f"{one} has a manifest, but is none {listed}" for one in found if one not in wanted)
    yield from (f"{one} has {found.count(one)} manifests" for one in sorted(set(found)) if found.count(one) > 1)


def pods_are_labelled_with_their_app(docs):
    """Services, policies and budgets look for that label; a second pod with it would be taken for theirs."""
    for workload in workloads(docs):
        same = {"app": app(workload)}
        yield from differences(workload["spec"]["selector"], {"matchLabels": same}, f"{name(workload)} selector")
        yield from differences(workload["spec"]["template"]["metadata"], {"labels": same}, f"{name(workload)} template")


def documents_say_nothing_else(docs):
    """No namespace, so that all of it is in one; no annotation, which a controller of the cluster might obey."""
    for doc in docs:
        metadata = {"name": doc["metadata"]["name"]}
        if doc["kind"] in ("Deployment", "StatefulSet"):
            metadata["labels"] = {"app": app(doc)}
        if doc["kind"] == "Service":
            metadata["labels"] = doc["spec"]["selector"]
        content = "data" if doc["kind"] == "ConfigMap" else "spec"
        wanted = {"apiVersion": doc["apiVersion"], "kind": doc["kind"], "metadata": metadata, content: doc[content]}
        yield from differences(doc, wanted, name(doc))


def there_is_one_of_each(docs):
    for workload in workloads(docs):
        if workload["spec"].get("replicas") != 1 or "topologySpreadConstraints" in pod(workload):
            yield f"{name(workload)}: it is more than one, or asks for more than one machine"
