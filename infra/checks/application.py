"""What the application is made of, as its own program lists it: the rules compare the manifests with it."""

import json
import subprocess
import sys

from checks.overlay import named, replicas
from checks.tools import BINARIES, need_programs


def services():
    """The declarations of all services: name, prefixes of the API, sections of the settings, events."""
    need_programs(["ticketing"])
    program = BINARIES / "ticketing"
    listed = subprocess.run([program, "services", "--json"], capture_output=True, text=True)
    if listed.returncode != 0:
        sys.exit(f"error: `{program} services --json` failed: {listed.stderr.strip()}")
    return json.loads(listed.stdout)


DECLARED = {service["name"]: service for service in services()}
SERVICES = list(DECLARED)
# The test bank, in the place of Stripe on a local cluster: it is no service of the application, and has no prefix.
BANK = "bank"
PROGRAMS = [*SERVICES, BANK]
# Services that answer requests: those with an API, and the web client.
ANSWERING = [service for service in SERVICES if DECLARED[service]["prefixes"]]


def with_section(section):
    """The services whose settings have this section."""
    return [service for service in SERVICES if section in DECLARED[service]["sections"]]


# Services with a database, and all databases.
STORING = with_section("mongo")
DATABASES = [f"{service}-mongo" for service in [*STORING, BANK]]
# Services that publish or listen.
ON_THE_BUS = with_section("nats")
# Services that show changes live, and orders as their API shows them.
LIVE = with_section("live")
# Services that make web pages, and the APIs that these are made of, by the settings that say where they are.
PAGES = with_section("client")
CALLED = {"AUTH": "auth", "TICKETS": "tickets", "ORDERS": "orders", "PAYMENTS": "payments", "LIVE": "gateway"}
# Services that take money.
PAID = with_section("payments")

PORTS = {"http": 3000, "bank": 12111, "admin": 9090, "client": 4222, "monitoring": 8222, "cluster": 6222, "mongo": 27017}


def kind(app):
    return "Deployment" if app in PROGRAMS else "StatefulSet"


def program(app):
    """The program that runs in its pods."""
    return "mongo" if app in DATABASES else app


def ports(app, docs):
    """The ports of its container, by name."""
    if app in DATABASES:
        return ["mongo"]
    if app == "nats":
        return ["client", "monitoring"] + (["cluster"] if servers_of_the_broker(docs) > 1 else [])
    if app == BANK:
        return ["bank", "admin"]
    return ["http", "admin"] if app in ANSWERING else ["admin"]


def has_bank(docs):
    """Which overlays may have one is a rule of its own (provider.py)."""
    return f"{BANK}-depl" in named(docs, "Deployment")


def storing(docs):
    """The programs with a database."""
    return [*STORING, *([BANK] if has_bank(docs) else [])]


def apps(docs):
    """All that has pods."""
    programs = PROGRAMS if has_bank(docs) else SERVICES
    return [*programs, *(f"{one}-mongo" for one in storing(docs)), "nats"]


def servers_of_the_broker(docs):
    """Their number."""
    return replicas(named(docs, "StatefulSet")["nats-depl"])
