"""Rules: every Service, route and network policy leads where it should, and nowhere else."""

import re

from checks.overlay import containers, environment, labels, name, named, of_kind, pod, selected, workloads

HOST = "ticketing.dev"
PREFIXES = {"/api/users": "auth-srv", "/api/tickets": "tickets-srv", "/api/orders": "orders-srv"}

# Who may talk to whom: the architecture's arrows.
ARROWS = {(service, f"{service}-mongo", 27017) for service in ["auth", "tickets", "orders"]}
ARROWS |= {(f"{service}-mongo", f"{service}-mongo", 27017) for service in ["auth", "tickets", "orders"]}
ARROWS |= {(service, "nats", 4222) for service in ["tickets", "orders", "expiration"]}
# Where the broker is a cluster.
ROUTE = ("nats", "nats", 6222)


def services_reach_their_pods(docs):
    for service in of_kind(docs, "Service"):
        selector = service["spec"].get("selector", {})
        found = selected({"matchLabels": selector}, docs) if selector else []
        if len(found) != 1:
            yield f"{name(service)}: it selects {len(found)} workloads"
            continue
        ports = {port.get("name") for container in pod(found[0])["containers"] for port in container.get("ports", [])}
        wanted = [port.get("targetPort") for port in service["spec"].get("ports", [])]
        if not wanted or not all(port.get("name") for port in service["spec"]["ports"]):
            yield f"{name(service)}: no port, or one without a name"
        yield from (f"{name(service)}: no container has the port {port}" for port in wanted if port not in ports)
    services = named(docs, "Service")
    for workload, container in containers(docs):
        for variable, value in environment(container).items():
            for host in re.findall(r"://([\w-]+):\d+", value):
                if host not in services:
                    yield f"{name(workload)}: {variable} names {host}, which is no Service"


def routes_reach_their_services(docs):
    """An Ingress names a Service's port, an HTTPRoute tells its number."""
    services = named(docs, "Service")
    reached = set()
    for where, host, path, service, key, port in [*ingress_paths(docs), *gateway_paths(docs)]:
        if host != HOST:
            yield f"{where}: the host is {HOST}"
        if service not in services or port not in [one.get(key) for one in services[service]["spec"].get("ports", [])]:
            yield f"{where}: {path} leads nowhere"
        reached.add((path, service))
    for path, service in set(PREFIXES.items()) - reached:
        yield f"{path} does not lead to {service}"


def ingress_paths(docs):
    for ingress in of_kind(docs, "Ingress"):
        for rule in ingress["spec"].get("rules", []):
            for path in rule.get("http", {}).get("paths", []):
                service = path.get("backend", {}).get("service", {})
                port = service.get("port", {}).get("name")
                yield name(ingress), rule.get("host"), path.get("path"), service.get("name"), "name", port


def gateway_paths(docs):
    for route in of_kind(docs, "HTTPRoute"):
        hosts = route["spec"].get("hostnames", [])
        for rule in route["spec"]["rules"]:
            for match in rule.get("matches", []):
                for backend in rule.get("backendRefs", []):
                    path, service, port = match["path"]["value"], backend["name"], backend["port"]
                    yield name(route), ",".join(hosts), path, service, "port", port


def listeners_are_encrypted_or_redirect(docs):
    listeners = {}
    for gateway in of_kind(docs, "Gateway"):
        for listener in gateway["spec"]["listeners"]:
            if listener.get("hostname") != HOST:
                yield f"{name(gateway)}: its host is {HOST}"
            listeners[gateway["metadata"]["name"], listener["name"]] = listener["protocol"]
    redirected = set()
    for route in of_kind(docs, "HTTPRoute"):
        answers = any(rule.get("backendRefs") for rule in route["spec"]["rules"])
        redirects = [one["requestRedirect"]["scheme"] for rule in route["spec"]["rules"] for one in rule.get("filters", [])]
        if route["spec"].get("hostnames") != [HOST]:
            yield f"{name(route)}: its host is {HOST}"
        for parent in route["spec"]["parentRefs"]:
            listener = (parent["name"], parent.get("sectionName"))
            if listener not in listeners:
                yield f"{name(route)}: no Gateway has its listener"
            elif listeners[listener] == "HTTP":
                redirected.add(listener)
                if answers or redirects != ["https"]:
                    yield f"{name(route)}: without encryption it does more than to redirect"
    unencrypted = {listener for listener, protocol in listeners.items() if protocol == "HTTP"}
    yield from (f"{listener} redirects nobody" for listener in sorted(unencrypted - redirected))
    if "HTTPS" not in listeners.values():
        yield "no listener is encrypted"


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
    wanted = ARROWS | ({ROUTE} if 6222 in has.get("nats", set()) else set())
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
        yield from (f"{kind}: {arrow} is not open" for arrow in sorted(wanted - arrows))
        yield from (f"{kind}: {arrow} is open, and nobody needs it" for arrow in sorted(arrows - wanted))
    for _, to, port in wanted:
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
