"""Rules of k8s-prod: no workload is lost with one machine, nor by emptying one."""

from checks.overlay import labels, name, of_kind, pod, replicas, selected, workloads


def each_has_a_budget(docs):
    of = {name(workload): [] for workload in workloads(docs)}
    for budget in of_kind(docs, "PodDisruptionBudget"):
        if budget["spec"].get("maxUnavailable") != 1:
            yield f"{name(budget)}: one pod at a time may go, neither none nor more"
        taken = selected(budget["spec"].get("selector", {}), docs)
        if len(taken) != 1:
            yield f"{name(budget)}: it is about {len(taken)} workloads"
        for workload in taken:
            of[name(workload)].append(name(budget))
    yield from (f"{workload}: {len(budgets)} budgets, and not one" for workload, budgets in of.items() if len(budgets) != 1)


def none_is_alone(docs):
    """Either it says how many pods it has, or an autoscaler does."""
    scaled = {}
    for scaler in of_kind(docs, "HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        target = f"{spec['scaleTargetRef']['kind']}/{spec['scaleTargetRef']['name']}"
        if spec["scaleTargetRef"].get("apiVersion") != "apps/v1":
            yield f"{name(scaler)}: its target is of no version"
        scaled[target] = spec.get("minReplicas", 1)
        measured = [(one["resource"]["name"], one["resource"]["target"].get("averageUtilization")) for one in spec["metrics"]]
        if [what for what, least in measured if least] != ["cpu"]:
            yield f"{name(scaler)}: it does not go by the processor time"
        if not scaled[target] < spec["maxReplicas"]:
            yield f"{name(scaler)}: it can't scale"
        if target not in [name(workload) for workload in workloads(docs)]:
            yield f"{name(scaler)}: there is no {target}"
    for workload in workloads(docs):
        least = 3 if workload["kind"] == "StatefulSet" else 2
        if name(workload) in scaled and "replicas" in workload["spec"]:
            yield f"{name(workload)}: each deployment undoes what its autoscaler has done"
        if scaled.get(name(workload), replicas(workload)) < least:
            yield f"{name(workload)}: fewer than {least} pods"


def pods_are_on_different_machines(docs):
    for workload in workloads(docs):
        stateful = workload["kind"] == "StatefulSet"
        spreads = pod(workload).get("topologySpreadConstraints", [])
        if [spread.get("topologyKey") for spread in spreads] != ["kubernetes.io/hostname"]:
            yield f"{name(workload)}: it may be on one machine"
            continue
        spread = spreads[0]
        if spread.get("whenUnsatisfiable") != ("DoNotSchedule" if stateful else "ScheduleAnyway"):
            yield f"{name(workload)}: it may be on one machine, or nowhere"
        if stateful and spread.get("minDomains") != replicas(workload):
            yield f"{name(workload)}: with fewer machines than pods, some share one"
        if not stateful and "pod-template-hash" not in spread.get("matchLabelKeys", []):
            yield f"{name(workload)}: in an update, the old pods count among the new ones"
        if spread_over(workload, spread, docs) != [workload]:
            yield f"{name(workload)}: it is spread over other pods than its own"


def spread_over(workload, spread, docs):
    """Whose pods it counts: those that the selector takes and that have the same labels under the keys."""
    if "labelSelector" not in spread:
        return []
    # The Deployment adds a label of its own to the pods of each version.
    keys = [key for key in spread.get("matchLabelKeys", []) if key != "pod-template-hash"]
    same = {key: labels(workload).get(key) for key in keys}
    wanted = {**spread["labelSelector"].get("matchLabels", {}), **same}
    return selected({**spread["labelSelector"], "matchLabels": wanted}, docs)
