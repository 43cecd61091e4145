"""Rules of k8s-prod: no workload is lost with one machine, nor by emptying one."""

from checks.application import ANSWERING, SERVICES, apps, kind
from checks.expected import differences
from checks.overlay import app, containers, name, of_kind, pod, replicas, specs, workloads
from checks.probes import seconds_to_start

DAY = 24 * 60 * 60


def one_pod_at_a_time_goes(docs):
    """Of a service, also one that is not ready goes: while its database is away, none of them is, and nobody could."""
    wanted = {one: {"maxUnavailable": 1, "selector": {"matchLabels": {"app": one}}} for one in apps(docs)}
    for service in SERVICES:
        wanted[service]["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
    yield from differences(specs(docs, "PodDisruptionBudget"), wanted, "PodDisruptionBudget")


def answering_services_have_as_many_pods_as_they_need(docs):
    used = {"type": "Utilization", "averageUtilization": range(1, 101)}
    wanted = {
        service: {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind(service), "name": f"{service}-depl"},
            "minReplicas": range(2, 100),
            "maxReplicas": range(3, 101),
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": used}}],
        }
        for service in ANSWERING
    }
    found = specs(docs, "HorizontalPodAutoscaler")
    yield from differences(found, wanted, "HorizontalPodAutoscaler")
    for service in ANSWERING:
        if found[service]["minReplicas"] >= found[service]["maxReplicas"]:
            yield f"{service}: it can't scale"


def none_is_alone(docs):
    """Either it says how many pods it has, or an autoscaler does."""
    for workload in workloads(docs):
        if app(workload) in ANSWERING:
            if "replicas" in workload["spec"]:
                yield f"{name(workload)}: each deployment resets the number that its autoscaler has chosen"
        elif replicas(workload) < (3 if workload["kind"] == "StatefulSet" else 2):
            yield f"{name(workload)}: fewer pods than outlive the loss of one"


def pods_are_on_different_machines(docs):
    for workload in workloads(docs):
        wanted = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "matchLabelKeys": ["app"]}
        if workload["kind"] == "StatefulSet":
            # Rather no pod than two on one machine.
            wanted |= {"whenUnsatisfiable": "DoNotSchedule", "minDomains": replicas(workload)}
        else:
            wanted["whenUnsatisfiable"] = "ScheduleAnyway"
            # In an update, the old pods don't count among the new ones.
            wanted["matchLabelKeys"].append("pod-template-hash")
        yield from differences(pod(workload).get("topologySpreadConstraints"), [wanted], f"{name(workload)} spread")


def a_lost_volume_may_be_copied_for_a_day(docs):
    for workload, container in containers(of_kind(docs, "StatefulSet")):
        if seconds_to_start(container) < DAY:
            yield f"{name(workload)}: it is killed while it copies the data of the others"
