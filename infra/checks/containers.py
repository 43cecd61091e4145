"""Rules: each container is watched, bounded, nobody in particular, finds its files, and gets the time to stop."""

from checks.overlay import containers, is_ours, labels, name, named, pod, selected, workloads


def selectors_take_their_own_pods(docs):
    for workload in workloads(docs):
        wanted = workload["spec"].get("selector", {}).get("matchLabels", {})
        if not wanted or any(labels(workload).get(key) != value for key, value in wanted.items()):
            yield f"{name(workload)}: its selector does not take its own pods"
        others = [other for other in selected({"matchLabels": wanted}, docs) if other is not workload]
        if others:
            yield f"{name(workload)}: its selector takes the pods of {name(others[0])} too"


def probes_and_resources(docs):
    for workload, container in containers(docs):
        where = f"{name(workload)} {container.get('name')}"
        ports = {port.get("name") for port in container.get("ports", [])}
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
            found = container.get(probe)
            if not found:
                yield f"{where}: no {probe}"
                continue
            asks = found.get("httpGet") or found.get("tcpSocket")
            if asks and asks.get("port") not in ports:
                yield f"{where}: its {probe} asks a port that it does not have"
            if not asks and not found.get("exec"):
                yield f"{where}: its {probe} asks nothing"
        if is_ours(container):
            paths = [container.get(probe, {}).get("httpGet", {}).get("path") for probe in ["readinessProbe", "livenessProbe"]]
            # Who has an API goes on without the broker.
            ready = "/readyz?exclude=nats" if container.get("name") in ["tickets", "orders"] else "/readyz"
            if paths != [ready, "/livez"]:
                yield f"{where}: ready is {ready}, live is /livez, and not {paths}"
        resources = container.get("resources", {})
        for kind, what in [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")]:
            if what not in resources.get(kind, {}):
                yield f"{where}: no {what} in its {kind}"


def nobody_is_root(docs):
    for workload, container in containers(docs):
        where = f"{name(workload)} {container.get('name')}"
        context = {**pod(workload).get("securityContext", {}), **container.get("securityContext", {})}
        rules = {
            "runAsNonRoot": context.get("runAsNonRoot") is True,
            "runAsUser": context.get("runAsUser", 0) > 0,
            "runAsGroup": context.get("runAsGroup", 0) > 0,
            "fsGroup": context.get("fsGroup", 0) > 0,
            "seccompProfile": context.get("seccompProfile", {}).get("type") == "RuntimeDefault",
            "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
            "readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is True,
            "capabilities": context.get("capabilities", {}).get("drop") == ["ALL"],
            "automountServiceAccountToken": pod(workload).get("automountServiceAccountToken") is False,
        }
        yield from (f"{where}: {rule} is not as it should be" for rule, holds in rules.items() if not holds)


def folders_are_there(docs):
    """What a container writes to is mounted, since the rest can't be written; what it mounts exists."""
    configs = named(docs, "ConfigMap")
    for workload, container in containers(docs):
        where = f"{name(workload)} {container.get('name')}"
        volumes = {volume["name"]: volume for volume in pod(workload).get("volumes", [])}
        claims = {claim["metadata"]["name"]: claim for claim in workload["spec"].get("volumeClaimTemplates", [])}
        mounts = {mount.get("mountPath"): mount.get("name") for mount in container.get("volumeMounts", [])}
        for path, volume in mounts.items():
            if volume not in volumes and volume not in claims:
                yield f"{where}: {path} is no volume of the pod"
            config = volumes.get(volume, {}).get("configMap", {}).get("name")
            if config and config not in configs:
                yield f"{where}: there is no ConfigMap {config}"
        args = container.get("args", [])
        wanted = {
            "nats": {"/data": claims, "/etc/nats": volumes},
            "mongo": {"/data/db": claims, "/initiate": volumes, "/tmp": volumes},
        }.get(container.get("image", "").split(":")[0], {"/run/ticketing": volumes})
        for path, among in wanted.items():
            if mounts.get(path) not in among:
                yield f"{where}: {path} is not mounted, or does not last as long as it should"
        if is_ours(container) and args != ["run", "--rundir=/run/ticketing", "--admin=0.0.0.0:9090"]:
            yield f"{where}: it is not started as it is tested: {args}"
        if container.get("image", "").startswith("nats:") and args != ["--config=/etc/nats/nats.conf"]:
            yield f"{where}: it does not read its configuration"
        if container.get("image", "").startswith("mongo:") and not {"--replSet=rs0", "--bind_ip_all"} <= set(args):
            yield f"{where}: it is no member of a replica set that others reach"


def stops_in_time(docs):
    """A service needs up to 25 s to stop; the pause before that counts too."""
    for workload, container in containers(docs):
        if is_ours(container):
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            if any(port.get("name") == "http" for port in container.get("ports", [])) and pause < 5:
                yield f"{name(workload)}: requests may come after its end"
            if pod(workload).get("terminationGracePeriodSeconds", 0) < pause + 30:
                yield f"{name(workload)}: it may be killed before its end"
        elif pod(workload).get("terminationGracePeriodSeconds", 0) < 60:
            yield f"{name(workload)}: it may be killed before its data is safe"
