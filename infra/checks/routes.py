"""Rules: every Service and every route leads where it should, and nowhere else."""

from checks.application import ANSWERING, BANK, DECLARED, PORTS, has_bank, servers_of_the_broker, storing
from checks.expected import differences
from checks.overlay import specs

HOST = "ticketing.dev"
# As in the course, payments come first; the others in the order of the list. The order decides nothing: the longest prefix
# that fits is taken, so the pages, at /, are all other paths.
IN_ORDER = sorted(ANSWERING, key=lambda service: service != "payments")
PREFIXES = {prefix: f"{service}-srv" for service in IN_ORDER for prefix in DECLARED[service]["prefixes"]}
# Each member has a name of its own, also before it is ready: that is how they find each other.
NAMES_OF_PODS = {"clusterIP": "None", "publishNotReadyAddresses": True}


def services_reach_their_pods(docs):
    wanted = {f"{service}-srv": reaching(service, "http") for service in ANSWERING}
    wanted |= {f"{one}-mongo-srv": reaching(f"{one}-mongo", "mongo") | NAMES_OF_PODS for one in storing(docs)}
    if has_bank(docs):
        wanted[f"{BANK}-srv"] = reaching(BANK, "bank")
    wanted["nats-srv"] = reaching("nats", "client", "monitoring")
    if servers_of_the_broker(docs) > 1:
        wanted["nats-cluster-srv"] = reaching("nats", "cluster") | NAMES_OF_PODS
    yield from differences(specs(docs, "Service"), wanted, "Service")


def reaching(app, *ports):
    named = [{"name": port, "port": PORTS[port], "targetPort": port} for port in ports]
    return {"selector": {"app": app}, "ports": named}


def the_ingress_leads_to_the_services(docs):
    paths = [
        {"path": prefix, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"name": "http"}}}}
        for prefix, service in PREFIXES.items()
    ]
    wanted = {"ingress": {"rules": [{"host": HOST, "http": {"paths": paths}}]}}
    yield from differences(specs(docs, "Ingress"), wanted, "Ingress")


def the_gateway_encrypts_or_redirects(docs):
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "ticketing-dev-tls"}]}
    listeners = [
        {"name": "https", "hostname": HOST, "port": 443, "protocol": "HTTPS", "tls": tls},
        {"name": "http", "hostname": HOST, "port": 80, "protocol": "HTTP"},
    ]
    wanted = {"gateway": {"gatewayClassName": "ticketing", "listeners": listeners}}
    yield from differences(specs(docs, "Gateway"), wanted, "Gateway")


def the_routes_lead_to_the_services(docs):
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
            "backendRefs": [{"name": service, "port": PORTS["http"]}],
        }
        for prefix, service in PREFIXES.items()
    ]
    redirect = [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]
    wanted = {"services": route("https", rules), "redirect": route("http", [{"filters": redirect}])}
    yield from differences(specs(docs, "HTTPRoute"), wanted, "HTTPRoute")


def route(listener, rules):
    return {"parentRefs": [{"name": "gateway", "sectionName": listener}], "hostnames": [HOST], "rules": rules}
