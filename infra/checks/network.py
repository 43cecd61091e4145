"""Rules: the network policies allow the connections of the architecture, and no others."""

import itertools

from checks.application import APIS, APPS, ON_THE_BUS, STORING, servers_of_the_broker
from checks.expected import differences
from checks.overlay import name, of_kind

# Who may talk to whom, on which port.
ARROWS = {(service, f"{service}-mongo", "27017 TCP") for service in STORING}
ARROWS |= {(f"{service}-mongo", f"{service}-mongo", "27017 TCP") for service in STORING}
ARROWS |= {(service, "nats", "4222 TCP") for service in ON_THE_BUS}
# Where the broker is a cluster.
ROUTE = ("nats", "nats", "6222 TCP")

ANYBODY = "anybody"
FROM_OUTSIDE = {(ANYBODY, api, "3000 TCP") for api in APIS}

DNS = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
NAMES = {(app, "dns", port) for app in APPS for port in ["53 UDP", "53 TCP"]}

CLOSED = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def nothing_is_open_but_what_a_policy_opens(docs):
    if CLOSED not in [policy["spec"] for policy in of_kind(docs, "NetworkPolicy")]:
        yield "no policy closes everything to everybody"


def policies_open_the_arrows_and_nothing_else(docs):
    arrows = ARROWS | ({ROUTE} if servers_of_the_broker(docs) > 1 else set())
    wanted = {"Ingress": arrows | FROM_OUTSIDE, "Egress": arrows | NAMES}
    for kind in wanted:
        found = {arrow for policy in of_kind(docs, "NetworkPolicy") for arrow in opened(policy["spec"], kind)}
        yield from (f"{kind}: {arrow} is not open" for arrow in sorted(wanted[kind] - found))
        yield from (f"{kind}: {arrow} is open, and nobody needs it" for arrow in sorted(found - wanted[kind]))


def policies_are_in_force(docs):
    """One whose types leave out a rule of its own does not open what it seems to."""
    for policy in of_kind(docs, "NetworkPolicy"):
        spec = policy["spec"]
        in_force = [kind for kind in ["Ingress", "Egress"] if kind.lower() in spec]
        if spec != CLOSED:
            yield from differences(spec["policyTypes"], in_force, f"{name(policy)} policyTypes")
        for found in [spec, *spec.get("ingress", []), *spec.get("egress", [])]:
            for key in set(found) - {"podSelector", "policyTypes", "ingress", "egress", "from", "to", "ports"}:
                yield f"{name(policy)}: no policy has {key}"


def opened(spec, kind):
    """The arrows that a policy opens."""
    for rule in spec.get(kind.lower(), []):
        peers = rule.get("from" if kind == "Ingress" else "to", [])
        others = {other for peer in peers for other in whom(peer)} or {ANYBODY}
        ports = {numbered(port) for port in rule.get("ports", [])} or {"any port"}
        for me, other, port in itertools.product(taken(spec["podSelector"]), others, ports):
            yield (other, me, port) if kind == "Ingress" else (me, other, port)


def whom(peer):
    if peer == DNS:
        return {"dns"}
    return taken(peer["podSelector"]) if set(peer) == {"podSelector"} else {str(peer)}


def taken(selector):
    """Whose pods a selector takes. One of another form takes strangers, as far as anybody here can tell."""
    app = selector.get("matchLabels", {}).get("app")
    among = selector.get("matchExpressions", [{}])[0].get("values", [])
    if selector == {"matchLabels": {"app": app}}:
        return {app}
    if selector == {"matchExpressions": [{"key": "app", "operator": "In", "values": among}]}:
        return set(among)
    return {str(selector)} if selector else set(APPS)


def numbered(port):
    """27017 TCP; whatever else it says is part of it, too."""
    return " ".join(str(value) for _, value in sorted({"protocol": "TCP", **port}.items()))
