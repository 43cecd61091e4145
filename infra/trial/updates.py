"""What is asked of a cluster every day: an update of each service, and a machine that is emptied."""

import copy
import time

from checks.overlay import is_ours
from trial.load import Load


def rolling(cluster):
    """Each service is updated under load, one pod after the other: no request fails."""
    for name, workload in list(cluster.workloads.items()):
        if is_ours(workload["spec"]["template"]["spec"]["containers"][0]):
            with Load(cluster) as load:
                load.until_more()
                began = time.monotonic()
                cluster.roll(name, changed(workload))
                seconds = time.monotonic() - began
                load.until_more()
            if load.failed:
                raise RuntimeError(f"{name}: requests failed while it was updated: {load.failed[:3]}")
            yield f"{name} is updated: {seconds:.1f} s", load.summary()


def changed(workload):
    """The same with another template, as every new image makes one."""
    workload = copy.deepcopy(workload)
    annotations = workload["spec"]["template"]["metadata"].setdefault("annotations", {})
    annotations["updated"] = str(int(annotations.get("updated", "0")) + 1)
    return workload


def drain(cluster):
    """All pods of one kind are stopped in order, under load, and start again elsewhere: first what stores, then what serves."""
    for kind in "StatefulSet", "Deployment":
        with Load(cluster) as load:
            load.until_more()
            names = [name for name, workload in cluster.workloads.items() if workload["kind"] == kind]
            began = time.monotonic()
            for name in names:
                cluster.scale(name, 0)
                cluster.scale(name, 1)
            cluster.until_ready()
            load.until_more()
            seconds = time.monotonic() - began
        yield f"each {kind} is stopped in order, and starts elsewhere: {len(names)} pods in {seconds:.1f} s", load.summary()
