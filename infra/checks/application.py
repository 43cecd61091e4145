"""What the application is made of: the rules measure the manifests against it."""

from checks.overlay import named, replicas

APIS = ["auth", "tickets", "orders"]
SERVICES = [*APIS, "expiration"]
DATABASES = [f"{api}-mongo" for api in APIS]
APPS = [*SERVICES, *DATABASES, "nats"]
# Who speaks, or listens, to the broker.
ON_THE_BUS = ["tickets", "orders", "expiration"]

PORTS = {"http": 3000, "admin": 9090, "client": 4222, "monitoring": 8222, "cluster": 6222, "mongo": 27017}


def kind(app):
    return "Deployment" if app in SERVICES else "StatefulSet"


def program(app):
    """What runs in its pods."""
    return "mongo" if app in DATABASES else app


def ports(app, docs):
    """The ports of its container, by name."""
    if app in DATABASES:
        return ["mongo"]
    if app == "nats":
        return ["client", "monitoring"] + (["cluster"] if servers_of_the_broker(docs) > 1 else [])
    return ["http", "admin"] if app in APIS else ["admin"]


def servers_of_the_broker(docs):
    """How many it has."""
    return replicas(named(docs, "StatefulSet")["nats-depl"])
