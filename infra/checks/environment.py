"""Rules: each pod gets the settings it needs and no others, and its secrets are in Secrets only."""

import functools
import json
import re
import subprocess

from checks.application import BANK, CALLED, DATABASES, LIVE, ON_THE_BUS, PAGES, PAID, PROGRAMS
from checks.application import has_bank, servers_of_the_broker, storing, with_section
from checks.expected import amount, differences
from checks.overlay import app, containers, environment, members, name, of_kind
from checks.tools import BINARIES, INFRA

# Secrets that are made by hand, or come from a store: their names, and the variable that each must have.
SESSIONS, STRIPE = ("jwt-secret", "JWT_KEY"), ("stripe-secret", "STRIPE_KEY")
# In the same Secret: the key that the pages send the number of a card to Stripe with.
PUBLISHABLE = (STRIPE[0], "STRIPE_PUBLISHABLE_KEY")
OF_THE_POD = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


def secret(name, key, **more):
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key, **more}}}


AT_STRIPE = {
    "STRIPE_KEY": secret(*STRIPE),
    "STRIPE_WEBHOOK_SECRET": secret(STRIPE[0], "STRIPE_WEBHOOK_SECRET", optional=True),
}
AT_THE_BANK = {
    "STRIPE_KEY": "sk_test_bank",
    "STRIPE_URL": f"http://{BANK}-srv:12111",
    "STRIPE_ALLOW_HTTP": "1",
    "STRIPE_WEBHOOK_SECRET": "whsec_bank",
}
OF_THE_BANK = {
    "BANK__BIND": "0.0.0.0:12111",
    "BANK__KEY": AT_THE_BANK["STRIPE_KEY"],
    "BANK__WEBHOOK_SECRET": AT_THE_BANK["STRIPE_WEBHOOK_SECRET"],
    "BANK__WEBHOOK_URL": "http://payments-srv:3000/api/payments/webhook",
}


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
        told["HTTP__TRUSTED_PROXIES"] = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
    if me in storing(docs):
        told["MONGO_URI"] = f"mongodb://{me}-mongo-srv:27017/{me}?replicaSet=rs0"
    if me in with_section("session"):
        told[SESSIONS[1]] = secret(*SESSIONS)
    if me in LIVE:
        told["LIVE__ORDERS_URL"] = "http://orders-srv:3000"
        told |= {"LIVE__DRAIN_MILLISECONDS": "10000", "LIVE__MAX_CONNECTIONS": re.compile(r"[1-9]\d{3}")}
    if me in PAGES:
        told |= {f"CLIENT__{what}_URL": f"http://{api}-srv:3000" for what, api in CALLED.items()}
        if not has_bank(docs):
            told[PUBLISHABLE[1]] = secret(*PUBLISHABLE)
    if me in PAID:
        told |= AT_THE_BANK if has_bank(docs) else AT_STRIPE
    if me == BANK:
        told |= OF_THE_BANK
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
        if app(workload) in PROGRAMS:
            given = environment(container)
            settings = known(app(workload))
            variables = {variable for setting in settings for variable in setting["variables"]}
            unknown = [f"it does not know {key}" for key in given if key not in variables]
            refused = refusals(app(workload), tuple(sorted(given.items())))
            yield from (f"{name(workload)}: {problem}" for problem in [*unknown, *refused, *untold(settings, given)])


def untold(settings, given):
    """Where, without a variable, a program takes its own machine, on which a pod has nobody else."""
    for setting in settings:
        if "127.0.0.1:" in str(setting["default"]) and not set(setting["variables"]) & set(given):
            yield f"without {setting['variables'][0]}, it takes {setting['default']}"


@functools.cache
def known(service):
    """Its settings, each with its variables and its default."""
    command = [BINARIES / service, "config", "help", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@functools.cache
def refusals(service, given):
    checked = subprocess.run([BINARIES / service, "config", "check"], capture_output=True, text=True, env=dict(given))
    return [] if checked.returncode == 0 else [checked.stderr.strip()]


def the_secrets_are_made_by_the_readme(docs):
    """Where no store has them: each Secret that a pod needs."""
    used = {variable["name"] for _, container in containers(docs) for variable in container["env"] if is_secret(variable)}
    readme = (INFRA / "README.md").read_text().replace("\\\n", "")  # a command may take several lines
    for name, key in [SESSIONS, STRIPE, PUBLISHABLE]:
        command = rf"kubectl create secret generic {name} .*--from-literal={key}="
        if key in used and not re.search(command, readme):
            yield f"infra/README.md does not make {key}"


def is_secret(variable):
    return "secretKeyRef" in variable.get("valueFrom", {})


def the_secrets_come_from_the_store(docs):
    kept = {
        SESSIONS[0]: {"data": [{"secretKey": SESSIONS[1], "remoteRef": {"key": "ticketing/jwt-key"}}]},
        # All properties of one entry: the secret of the webhooks may be missing.
        STRIPE[0]: {"dataFrom": [{"extract": {"key": "ticketing/stripe"}}]},
    }
    wanted = {
        name: {
            "refreshInterval": re.compile(r"[1-9]\d*[mh]"),
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "ticketing"},
            "target": {"name": name},
            **source,
        }
        for name, source in kept.items()
    }
    found = {secret["metadata"]["name"]: secret["spec"] for secret in of_kind(docs, "ExternalSecret")}
    yield from differences(found, wanted, "ExternalSecret")
