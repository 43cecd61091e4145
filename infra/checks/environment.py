"""Rules: each pod gets the settings it needs and no others, and its secrets are in Secrets only."""

import functools
import json
import re
import subprocess

from checks.application import DATABASES, ON_THE_BUS, SERVICES, STORING, servers_of_the_broker, with_section
from checks.expected import amount, differences
from checks.overlay import app, containers, environment, members, name, of_kind
from checks.tools import BINARIES, INFRA

SECRET, KEY = "jwt-secret", "JWT_KEY"
OF_THE_POD = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


def pods_get_the_settings_they_need(docs):
    for workload, container in containers(docs):
        wanted = {key: {"name": key, **source} for key, source in variables(workload, docs).items()}
        found = {variable["name"]: variable for variable in container["env"]}
        yield from differences(found, wanted, f"{name(workload)} env")
        if len(found) != len(container["env"]):
            yield f"{name(workload)}: a variable is set twice"


def variables(workload, docs):
    """The variables of each pod, and where their values come from."""
    me = app(workload)
    told = {}
    if me in with_section("http"):
        told["HTTP__BIND"] = "0.0.0.0:3000"
    if me in STORING:
        told["MONGO_URI"] = f"mongodb://{me}-mongo-srv:27017/{me}?replicaSet=rs0"
    if me in with_section("session"):
        told[KEY] = {"valueFrom": {"secretKeyRef": {"name": SECRET, "key": KEY}}}
    if me in ON_THE_BUS:
        told |= {"NATS_URL": "nats://nats-srv:4222", "NATS_CLUSTER_ID": "ticketing", "NATS_CLIENT_ID": OF_THE_POD}
        if servers_of_the_broker(docs) > 1:
            told["NATS_REPLICAS"] = str(servers_of_the_broker(docs))
    if me in DATABASES:
        everyone = " ".join(f"{member}:27017" for member in members(workload))
        # mongosh keeps its notes at home, and not among the data.
        told |= {"POD_NAME": OF_THE_POD, "HOST": f"$(POD_NAME).{me}-srv:27017", "MEMBERS": everyone, "HOME": "/tmp"}
    if me == "nats":
        told["POD_NAME"] = OF_THE_POD
        if servers_of_the_broker(docs) > 1:
            told["GOMEMLIMIT"] = re.compile(r"\d+MiB")
    return {key: value if isinstance(value, dict) else {"value": value} for key, value in told.items()}


def members_know_themselves(docs):
    """By a variable that names another, which has to come before it."""
    for workload, container in containers(docs):
        for member in members(workload) if app(workload) in DATABASES else []:
            told = environment(container, member.split(".")[0])["HOST"]
            if told != f"{member}:27017":
                yield f"{name(workload)}: HOST of {member} is {told}"


def the_broker_collects_before_it_is_killed(docs):
    for workload, container in containers(docs):
        limit = environment(container).get("GOMEMLIMIT")
        if limit and amount(limit.removesuffix("B")) > 0.9 * amount(container["resources"]["limits"]["memory"]):
            yield f"{name(workload)}: its memory is collected too late"


def programs_accept_the_settings_of_their_pods(docs):
    """What each of them says itself."""
    for workload, container in containers(docs):
        if app(workload) in SERVICES:
            given = environment(container)
            unknown = [f"it does not know {key}" for key in given if key not in known(app(workload))]
            refused = refusals(app(workload), tuple(sorted(given.items())))
            yield from (f"{name(workload)}: {problem}" for problem in [*unknown, *refused])


@functools.cache
def known(service):
    command = [BINARIES / service, "config", "help", "--json"]
    settings = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {variable for setting in settings for variable in setting["variables"]}


@functools.cache
def refusals(service, given):
    checked = subprocess.run([BINARIES / service, "config", "check"], capture_output=True, text=True, env=dict(given))
    return [] if checked.returncode == 0 else [checked.stderr.strip()]


def the_secret_is_made_by_the_readme(_):
    command = f"kubectl create secret generic {SECRET} --from-literal={KEY}="
    if command not in (INFRA / "README.md").read_text():
        yield f"infra/README.md does not make {KEY}"


def the_secret_comes_from_the_store(docs):
    wanted = {
        "refreshInterval": re.compile(r"[1-9]\d*[mh]"),
        "secretStoreRef": {"kind": "ClusterSecretStore", "name": "ticketing"},
        "target": {"name": SECRET},
        "data": [{"secretKey": KEY, "remoteRef": {"key": "ticketing/jwt-key"}}],
    }
    found = {secret["metadata"]["name"]: secret["spec"] for secret in of_kind(docs, "ExternalSecret")}
    yield from differences(found, {SECRET: wanted}, "ExternalSecret")
