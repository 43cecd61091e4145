#!/usr/bin/env python3
"""Checks the manifests without a cluster: they render, fit the schemas of Kubernetes, and keep our rules.

    python3 infra/check.py            check everything
    python3 infra/check.py --table    print the table of the dev overlay, as infra/README.md shows it

The rules prove themselves: whatever a rule is about is taken away, once for each place, and the rule must notice.
Then each of our programs is started as its pod would start it (pods.py).
Needs the programs of `cargo build --workspace`, and installs kustomize and the schemas into a folder of its own.
"""

import copy
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import venv

INFRA = pathlib.Path(__file__).resolve().parent
ROOT = INFRA.parent
TOOLS = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ticketing" / "infra-tools"
OVERLAYS = ["k8s-dev"]
OURS = ["auth", "tickets", "orders", "expiration"]
# Made by the command in infra/README.md, and never kept in git.
SECRETS = {"jwt-secret": {"JWT_KEY"}}


def tools():
    """Runs this file again in an environment that has what it needs."""
    wanted = (INFRA / "requirements.txt").read_text()
    note = TOOLS / "installed.txt"
    if not note.exists() or note.read_text() != wanted:
        print("installing kustomize and the schemas of Kubernetes", file=sys.stderr)
        venv.create(TOOLS, with_pip=True, clear=True)
        pip = [TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", INFRA / "requirements.txt"], check=True)
        note.write_text(wanted)
    python = TOOLS / "bin" / "python"
    if pathlib.Path(sys.prefix) != TOOLS:
        os.execv(python, [str(python), *sys.argv])


def render(overlay):
    import yaml

    command = [TOOLS / "bin" / "kubectl", "kustomize", INFRA / overlay]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(rendered))


# What is in a rendered overlay.


def name(doc):
    return f"{doc['kind']}/{doc['metadata']['name']}"


def of_kind(docs, *kinds):
    return [doc for doc in docs if doc["kind"] in kinds]


def workloads(docs):
    return of_kind(docs, "Deployment", "StatefulSet")


def pod(workload):
    return workload["spec"]["template"]["spec"]


def labels(workload):
    return workload["spec"]["template"]["metadata"].get("labels", {})


def containers(docs):
    for workload in workloads(docs):
        for container in pod(workload).get("containers", []):
            yield workload, container


def selected(selector, docs):
    """The workloads whose pods a selector takes; an empty one takes all."""

    def takes(found):
        same = all(found.get(key) == value for key, value in selector.get("matchLabels", {}).items())
        within = all(found.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))
        return same and within

    return [workload for workload in workloads(docs) if takes(labels(workload))]


def program(container):
    return container.get("image", "").removeprefix("ticketing/")


def is_ours(container):
    return container.get("image", "").startswith("ticketing/")


# The rules: each tells what is wrong, one line for each thing.


def fits_the_schemas(docs):
    for doc in docs:
        yield from misfits(json.dumps(doc, sort_keys=True))


@functools.cache  # of all that is taken away, most documents know nothing
def misfits(text):
    import kubernetes_validate

    doc = json.loads(text)
    try:
        kubernetes_validate.validate(doc, "1.37", strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{name(doc)}: {error.message}"]
    return []


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
            if paths != ["/readyz", "/livez"]:
                yield f"{where}: ready is /readyz, live is /livez, and not {paths}"
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
    configs = {doc["metadata"]["name"]: doc.get("data", {}) for doc in of_kind(docs, "ConfigMap")}
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


def environment_is_what_the_program_reads(docs):
    """No variable less than the program demands, and none that it does not know."""
    for workload, container in containers(docs):
        where = f"{name(workload)} {container.get('name')}"
        given = {variable["name"]: variable for variable in container.get("env", [])}
        for variable in given.values():
            secret = variable.get("valueFrom", {}).get("secretKeyRef")
            if secret and secret.get("key") not in SECRETS.get(secret.get("name"), set()):
                yield f"{where}: {variable['name']} wants a key of a Secret that nobody makes"
        if is_ours(container):
            yield from (f"{where}: {problem}" for problem in problems_of(program(container), given))
        elif container.get("image", "").startswith("mongo:"):
            yield from (f"{where}: {key} is not set" for key in ["SERVICE", "POD_NAME"] if key not in given)
            if given.get("SERVICE", {}).get("value") != workload["spec"].get("serviceName"):
                yield f"{where}: SERVICE is not its own Service"
        elif "POD_NAME" not in given:
            yield f"{where}: POD_NAME is not set"


KNOWN = {}


def problems_of(service, given):
    binary = ROOT / "target" / "debug" / service
    if service not in KNOWN:
        described = subprocess.run([binary, "config", "help"], check=True, capture_output=True, text=True).stdout
        aliases = set(re.findall(r"also the variable `(\w+)`", described))
        keys = {key.replace(".", "__").upper() for key in re.findall(r"^(\S+) \(", described, re.MULTILINE)}
        KNOWN[service] = aliases | keys
    yield from (f"{key} is unknown to it" for key in given if key not in KNOWN[service])
    if service != "expiration" and given.get(f"{service.upper()}__BIND", {}).get("value") != "0.0.0.0:3000":
        yield "its API can't be reached from outside"
    yield from refusals(binary, tuple(sorted((key, value(variable)) for key, variable in given.items())))


@functools.cache
def refusals(binary, environment):
    checked = subprocess.run([binary, "config", "check"], capture_output=True, text=True, env=dict(environment))
    return [] if checked.returncode == 0 else [checked.stderr.strip()]


def value(variable):
    """What a pod would get."""
    return variable.get("value") or ("secret" if "secretKeyRef" in variable.get("valueFrom", {}) else "pod-1")


def services_reach_their_pods(docs):
    for service in of_kind(docs, "Service"):
        selector = service["spec"].get("selector", {})
        found = selected({"matchLabels": selector}, docs) if selector else []
        if len(found) != 1:
            yield f"{name(service)}: it selects {len(found)} workloads"
            continue
        ports = {port.get("name") for container in pod(found[0])["containers"] for port in container.get("ports", [])}
        wanted = [port.get("targetPort") for port in service["spec"].get("ports", [])]
        if not wanted:
            yield f"{name(service)}: no port"
        yield from (f"{name(service)}: no container has the port {port}" for port in wanted if port not in ports)
    services = {doc["metadata"]["name"] for doc in of_kind(docs, "Service")}
    for workload in of_kind(docs, "StatefulSet"):
        if workload["spec"].get("serviceName") not in services:
            yield f"{name(workload)}: its Service is not there"
    for workload, container in containers(docs):
        for variable in container.get("env", []):
            for host in re.findall(r"://([\w-]+):\d+", variable.get("value", "")):
                if host not in services:
                    yield f"{name(workload)}: {variable['name']} names {host}, which is no Service"


def ingresses_reach_their_services(docs):
    services = {doc["metadata"]["name"]: doc for doc in of_kind(docs, "Service")}
    reached = set()
    for ingress in of_kind(docs, "Ingress"):
        for rule in ingress["spec"].get("rules", []):
            if rule.get("host") != "ticketing.dev":
                yield f"{name(ingress)}: the host is ticketing.dev"
            for path in rule.get("http", {}).get("paths", []):
                backend = path.get("backend", {}).get("service", {})
                service = services.get(backend.get("name"))
                ports = {port.get("name") for port in service["spec"].get("ports", [])} if service else set()
                if backend.get("port", {}).get("name") not in ports:
                    yield f"{name(ingress)}: {path.get('path')} leads nowhere"
                reached.add((path.get("path"), backend.get("name")))
    prefixes = {"/api/users": "auth-srv", "/api/tickets": "tickets-srv", "/api/orders": "orders-srv"}
    for missing in set(prefixes.items()) - reached:
        yield f"{missing[0]} does not lead to {missing[1]}"


# Who may talk to whom: the architecture's arrows.
ARROWS = {(service, f"{service}-mongo", 27017) for service in ["auth", "tickets", "orders"]}
ARROWS |= {(f"{service}-mongo", f"{service}-mongo", 27017) for service in ["auth", "tickets", "orders"]}
ARROWS |= {(service, "nats", 4222) for service in ["tickets", "orders", "expiration"]}


def policies_open_the_arrows_and_nothing_else(docs):
    policies = of_kind(docs, "NetworkPolicy")
    for kind in ["Ingress", "Egress"]:
        denied = [doc for doc in policies if doc["spec"].get("podSelector") == {} and not doc["spec"].get(kind.lower())]
        if not any(kind in doc["spec"].get("policyTypes", []) for doc in denied):
            yield f"{kind} is not denied to all"
    has = {}
    for workload, container in containers(docs):
        ports = {port.get("containerPort") for port in container.get("ports", [])}
        has.setdefault(labels(workload).get("app"), set()).update(ports)
    opened = {"Ingress": set(), "Egress": set()}
    for policy in policies:
        ours = [labels(workload).get("app") for workload in selected(policy["spec"].get("podSelector", {}), docs)]
        if policy["spec"].get("podSelector") and not ours:
            yield f"{name(policy)}: it is about nobody"
        for kind, peers in [("Ingress", "from"), ("Egress", "to")]:
            rules = policy["spec"].get(kind.lower(), [])
            if rules and kind not in policy["spec"].get("policyTypes", []):
                yield f"{name(policy)}: its rules for {kind} are not in force"
            for rule in rules:
                ports = [port.get("port") for port in rule.get("ports", [])]
                if not ports or not rule.get(peers):
                    yield f"{name(policy)}: a rule for {kind} opens everything"
                for peer in rule.get(peers, []):
                    if "namespaceSelector" in peer:
                        yield from from_other_namespaces(policy, kind, peer, rule.get("ports", []))
                        continue
                    others = [labels(workload).get("app") for workload in selected(peer.get("podSelector", {}), docs)]
                    for me in ours:
                        for other in others:
                            arrow = (other, me) if kind == "Ingress" else (me, other)
                            opened[kind].update((*arrow, port) for port in ports)
    for kind, arrows in opened.items():
        yield from (f"{kind}: {arrow} is not open" for arrow in sorted(ARROWS - arrows))
        yield from (f"{kind}: {arrow} is open, and nobody needs it" for arrow in sorted(arrows - ARROWS))
    for _, to, port in ARROWS:
        if port not in has.get(to, set()):
            yield f"no container of {to} has the port {port}"
    for api in ["auth", "tickets", "orders"]:
        if api not in about(policies, "apis", "ingress", docs) or 3000 not in has.get(api, set()):
            yield f"the API of {api} can't be reached"
    for workload in workloads(docs):
        if labels(workload).get("app") not in about(policies, "dns", "egress", docs):
            yield f"{name(workload)}: it can't look up names"


def about(policies, policy, kind, docs):
    """Whose rules of this kind a policy holds."""
    found = [doc for doc in policies if doc["metadata"]["name"] == policy and doc["spec"].get(kind)]
    taken = [workload for doc in found for workload in selected(doc["spec"].get("podSelector", {}), docs)]
    return {labels(workload).get("app") for workload in taken}


def from_other_namespaces(policy, kind, peer, ports):
    numbers = sorted((port.get("port"), port.get("protocol", "TCP")) for port in ports)
    dns = {"matchLabels": {"k8s-app": "kube-dns"}}
    is_dns = kind == "Egress" and peer.get("podSelector") == dns and numbers == [(53, "TCP"), (53, "UDP")]
    is_dns = is_dns and peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    is_api = kind == "Ingress" and policy["metadata"]["name"] == "apis" and numbers == [(3000, "TCP")]
    if not is_dns and not is_api:
        yield f"{name(policy)}: a rule for {kind} opens {numbers} to another namespace"


def images_agree(docs):
    import yaml

    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    built = {one["image"]: one["docker"] for one in skaffold["build"]["artifacts"]}
    used = {container["image"] for _, container in containers(docs) if is_ours(container)}
    yield from (f"{image} is built, and not used" for image in sorted(set(built) - used))
    yield from (f"{image} is used, and not built" for image in sorted(used - set(built)))
    for image, docker in built.items():
        if docker["buildArgs"]["CRATE"] != image.removeprefix("ticketing/"):
            yield f"{image} is built from another crate"
    images = [container.get("image", "") for _, container in containers(docs)]
    yield from (f"{image} has no version" for image in images if not image.startswith("ticketing/") and ":" not in image)
    missing = {f"ticketing/{service}" for service in OURS} - used
    yield from (f"{image} is not deployed" for image in sorted(missing))


def copies_exist(_):
    for line in (INFRA / "docker" / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                if not (ROOT / source).exists():
                    yield f"the Dockerfile copies {source}, which is not there"
                if f"!{source}" not in (ROOT / ".dockerignore").read_text().splitlines():
                    yield f"the Dockerfile copies {source}, which .dockerignore leaves out"


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


RULES = [
    fits_the_schemas,
    selectors_take_their_own_pods,
    probes_and_resources,
    nobody_is_root,
    folders_are_there,
    environment_is_what_the_program_reads,
    services_reach_their_pods,
    ingresses_reach_their_services,
    policies_open_the_arrows_and_nothing_else,
    images_agree,
    copies_exist,
    stops_in_time,
]


def problems(docs):
    for rule in RULES:
        yield from (f"{rule.__name__}: {problem}" for problem in rule(docs))


# The mutations: whatever is taken away must be missed by somebody.


def places(docs):
    """The paths of everything that a rule is about: in each container, pod, Service, policy and Ingress."""
    for index, doc in enumerate(docs):
        if doc["kind"] in ("Deployment", "StatefulSet"):
            here = [index, "spec", "template", "spec"]
            yield from ([*here, key] for key in ["securityContext", "automountServiceAccountToken"])
            yield from ([*here, "securityContext", key] for key in pod(doc)["securityContext"])
            yield [*here, "terminationGracePeriodSeconds"]
            yield from ([*here, "volumes", place] for place in range(len(pod(doc)["volumes"])))
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
        elif doc["kind"] == "Service":
            yield from ([index, "spec", key] for key in ["selector", "ports"])
        elif doc["kind"] == "NetworkPolicy":
            for kind in ["ingress", "egress"]:
                for place, rule in enumerate(doc["spec"].get(kind, [])):
                    yield [index, "spec", kind, place]
                    yield from ([index, "spec", kind, place, key] for key in rule)
            yield [index, "spec", "policyTypes"]
        elif doc["kind"] == "Ingress":
            for place, _ in enumerate(doc["spec"]["rules"][0]["http"]["paths"]):
                yield [index, "spec", "rules", 0, "http", "paths", place]
        yield [index]


# Figures that may well be left to their defaults.
TUNING = {"periodSeconds", "timeoutSeconds", "failureThreshold"}
TUNED = [
    ("args", "--wiredTigerCacheSizeGB=0.25"),
    ("args", "--setParameter=transactionLifetimeLimitSeconds=10"),
    ("ports", {"name": "monitoring", "containerPort": 8222}),
]


def without(docs, path):
    changed = copy.deepcopy(docs)
    at = changed
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return changed


def unnoticed(docs):
    count = 0
    for path in places(docs):
        count += 1
        changed = without(docs, path)
        try:
            noticed = next(problems(changed), None)
        except (KeyError, IndexError, TypeError) as error:
            noticed = repr(error)
        if noticed is None:
            yield f"nobody notices that {name(docs[path[0]])} lacks {'.'.join(map(str, path[1:])) or 'everything'}"
        if count % 50 == 0:
            print(f"  {count} places", file=sys.stderr)
    print(f"  {count} places taken away, one at a time", file=sys.stderr)


def table(docs):
    lines = ["| workload | image | ports | memory: asked, at most | volume |", "| --- | --- | --- | --- | --- |"]
    for workload, container in containers(docs):
        ports = ", ".join(f"{port['name']} {port['containerPort']}" for port in container["ports"])
        resources = container["resources"]
        memory = f"{resources['requests']['memory']}, {resources['limits']['memory']}"
        claims = workload["spec"].get("volumeClaimTemplates", [])
        volume = claims[0]["spec"]["resources"]["requests"]["storage"] if claims else ""
        lines.append(f"| {name(workload)} | {container['image']} | {ports} | {memory} | {volume} |")
    return "\n".join(lines)


def main():
    tools()
    if sys.argv[1:] == ["--table"]:
        print(table(render("k8s-dev")))
        return 0
    failed = []
    for overlay in OVERLAYS:
        docs = render(overlay)
        found = list(problems(docs))
        failed += [f"{overlay}: {problem}" for problem in found]
        if not found:
            failed += [f"{overlay}: {problem}" for problem in unnoticed(docs)]
    import pods

    deployed = render("k8s-dev")
    ours = [(name(workload), pod(workload), container) for workload, container in containers(deployed) if is_ours(container)]
    failed += pods.problems(ROOT / "target" / "debug", ours, value)
    if table(deployed) not in (INFRA / "README.md").read_text():
        failed.append("infra/README.md shows another table than python3 infra/check.py --table")
    for problem in failed:
        print(f"error: {problem}", file=sys.stderr)
    print(f"{', '.join(OVERLAYS)}: {'not ' if failed else ''}as it should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
