"""Rules: the network policies allow the connections of the architecture, and no others."""

import itertools

from checks.application import ANSWERING, BANK, CALLED, LIVE, ON_THE_BUS, PAGES, PAID
from checks.application import apps, has_bank, servers_of_the_broker, storing
from checks.expected import differences
from checks.overlay import name, of_kind

ANYBODY = "anybody"
FROM_OUTSIDE = {(ANYBODY, service, "3000 TCP") for service in ANSWERING}

# All addresses but those of private networks: of other pods, of machines, and of what a cloud tells its machines.
PRIVATE = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
INTERNET = {
    "the internet": {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE}},
    "the internet (IPv6)": {"ipBlock": {"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}},
}

DNS = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}

CLOSED = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def nothing_is_open_but_what_a_policy_opens(docs):
    if CLOSED not in [policy["spec"] for policy in of_kind(docs, "NetworkPolicy")]:
        yield "no policy closes everything to everybody"


def policies_open_the_arrows_and_nothing_else(docs):
    within, everybody = arrows(docs), apps(docs)
    wanted = {"Ingress": within | FROM_OUTSIDE, "Egress": within | to_outside(docs)}
    for kind in wanted:
        specs = [policy["spec"] for policy in of_kind(docs, "NetworkPolicy")]
        found = {arrow for spec in specs for arrow in opened(spec, kind, everybody)}
        yield from (f"{kind}: {arrow} is not open" for arrow in sorted(wanted[kind] - found))
        yield from (f"{kind}: {arrow} is open, and nobody needs it" for arrow in sorted(found - wanted[kind]))


def arrows(docs):
    """Who may talk to whom, on which port."""
    found = {(one, f"{one}-mongo", "27017 TCP") for one in storing(docs)}
    found |= {(f"{one}-mongo", f"{one}-mongo", "27017 TCP") for one in storing(docs)}
    found |= {(service, "nats", "4222 TCP") for service in ON_THE_BUS}
    if servers_of_the_broker(docs) > 1:
        found.add(("nats", "nats", "6222 TCP"))
    if has_bank(docs):
        found |= {(service, BANK, "12111 TCP") for service in PAID}
    return found


def to_outside(docs):
    """Names for everybody; an API, which is open to everybody, for those that call it; Stripe for those that take money, unless
    there is a bank, which calls theirs."""
    found = {(app, "dns", port) for app in apps(docs) for port in ["53 UDP", "53 TCP"]}
    found |= {(service, "orders", "3000 TCP") for service in LIVE}
    found |= {(service, api, "3000 TCP") for service in PAGES for api in CALLED.values()}
    if has_bank(docs):
        return found | {(BANK, service, "3000 TCP") for service in PAID}
    return found | {(service, net, "443 TCP") for service in PAID for net in INTERNET}


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


def opened(spec, kind, everybody):
    """The arrows that a policy opens."""
    for rule in spec.get(kind.lower(), []):
        peers = rule.get("from" if kind == "Ingress" else "to", [])
        others = {other for peer in peers for other in whom(peer, everybody)} or {ANYBODY}
        ports = {numbered(port) for port in rule.get("ports", [])} or {"any port"}
        for me, other, port in itertools.product(taken(spec["podSelector"], everybody), others, ports):
            yield (other, me, port) if kind == "Ingress" else (me, other, port)


def whom(peer, everybody):
    for outside, known in {"dns": DNS, **INTERNET}.items():
        if peer == known:
            return {outside}
    return taken(peer["podSelector"], everybody) if set(peer) == {"podSelector"} else {str(peer)}


def taken(selector, everybody):
    """Whose pods a selector takes. One of another form takes strangers, as far as anybody here can tell."""
    app = selector.get("matchLabels", {}).get("app")
    among = selector.get("matchExpressions", [{}])[0].get("values", [])
    if selector == {"matchLabels": {"app": app}}:
        return {app}
    if selector == {"matchExpressions": [{"key": "app", "operator": "In", "values": among}]}:
        return set(among)
    return {str(selector)} if selector else set(everybody)


def numbered(port):
    """27017 TCP; whatever else it says is part of it, too."""
    return " ".join(str(value) for _, value in sorted({"protocol": "TCP", **port}.items()))
