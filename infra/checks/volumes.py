"""Rules: what a container writes to is mounted, lasts as long as it should, and the files that it reads are there."""

from checks.application import DATABASES, PROGRAMS
from checks.expected import AMOUNT, differences
from checks.overlay import app, containers, name, of_kind, pod

FILES = ["initiate.js", "nats.conf"]


def files_are_there(docs):
    found = sorted(sorted(config["data"]) for config in of_kind(docs, "ConfigMap"))
    if found != [[file] for file in FILES]:
        yield f"the ConfigMaps hold {found}"


def volumes_are_there(docs):
    config = {file: doc["metadata"]["name"] for doc in of_kind(docs, "ConfigMap") for file in doc["data"]}
    for workload, container in containers(docs):
        if app(workload) in PROGRAMS:
            volumes, mounts = [in_memory("run")], {"run": "/run/ticketing"}
        elif app(workload) in DATABASES:
            volumes = [{"name": "initiate", "configMap": {"name": config["initiate.js"]}}, in_memory("tmp")]
            mounts = {"data": "/data/db", "initiate": "/initiate", "tmp": "/tmp"}
        else:
            volumes = [{"name": "config", "configMap": {"name": config["nats.conf"]}}]
            mounts = {"data": "/data", "config": "/etc/nats"}
        wanted = [{"name": volume, "mountPath": path} for volume, path in mounts.items()]
        yield from differences(pod(workload)["volumes"], volumes, f"{name(workload)} volumes")
        yield from differences(container["volumeMounts"], wanted, f"{name(workload)} volumeMounts")


def data_outlives_its_pod(docs):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": AMOUNT}}}
    for workload in of_kind(docs, "StatefulSet"):
        wanted = [{"metadata": {"name": "data"}, "spec": spec}]
        yield from differences(workload["spec"]["volumeClaimTemplates"], wanted, f"{name(workload)} volumeClaimTemplates")


def in_memory(volume):
    return {"name": volume, "emptyDir": {"medium": "Memory", "sizeLimit": AMOUNT}}
