"""The rules prove themselves: everywhere, one thing at a time is changed, and a rule must notice."""

import re

from checks import environment, provider
from checks.additions import additions
from checks.application import BANK
from checks.changes import found, inside, put, without
from checks.overlay import app, containers, name, workloads
from checks.rules import problems
from checks.schemas import fits_the_schemas
from checks.tools import progress

# What may have another value: how long, how often, how many, while that makes sense; and names that nobody calls.
TASTE = [
    r"Probe\.(periodSeconds|timeoutSeconds|failureThreshold) ",
    r" spec\.template\.spec\.terminationGracePeriodSeconds ",
    r"\.preStop\.sleep\.seconds ",
    r"\.resources\.limits\.cpu ",
    r"^HorizontalPodAutoscaler/\S+ \S+\.(minReplicas|maxReplicas|averageUtilization) ",
    r"^Deployment/expiration-depl spec\.replicas 2$",
    r"^NetworkPolicy/\S+ metadata\.name ",
]
# What may be left out: the default is the same, or as good.
DEFAULTS = [r"Probe\.periodSeconds ", r"\.ports\.\d+\.protocol TCP$"]
# Whole files: databases.py runs the one, and the other is changed line by line.
FILES = ["initiate.js", "nats.conf"]


def less(docs):
    """Each thing is taken away."""
    for path, value in everything(docs):
        yield called(docs, path, value), without(docs, path)


def other(docs):
    """Each value is another one."""
    for path, value in everything(docs):
        if not isinstance(value, (dict, list)) and path[-1] not in FILES:
            yield called(docs, path, value), put(docs, path, another(value))


def nought(docs):
    """Each number is 0, which is no matter of taste anywhere."""
    for path, value in everything(docs):
        if type(value) is int:
            yield called(docs, path, value), put(docs, path, 0)


def more(docs):
    """Each mapping has a key more, each list an item."""
    for path, value in everything(docs):
        if isinstance(value, dict):
            yield called(docs, path, value), put(docs, path, {**value, "more": "more"})
        if isinstance(value, list):
            yield called(docs, path, value), put(docs, path, [*value, another(value[-1])])


def lines(docs):
    """Each line of the broker's settings is taken away, or ends with another word."""
    for index, doc in enumerate(docs):
        settings = doc.get("data", {}).get("nats.conf", "").splitlines()
        for place, line in enumerate(settings):
            if line.strip() and not line.strip().startswith("#"):
                words, space, last = line.rpartition(" ")
                for instead in [], [f"{words}{space}z{last}"]:
                    conf = "\n".join([*settings[:place], *instead, *settings[place + 1 :]])
                    yield f"{name(doc)} line {place + 1}", put(docs, [index, "data", "nats.conf"], conf)


# How each is said, and what need not be noticed of it.
CHANGES = {
    less: ("{} is taken away", DEFAULTS),
    other: ("{} is another", TASTE),
    nought: ("{} is 0", []),
    more: ("{} has one more", []),
    lines: ("{} is changed", []),
    additions: ("there is also {}", []),
}


def unnoticed(overlay, docs):
    counts = []
    for change, (how, free) in CHANGES.items():
        # The schema reports a key that Kubernetes does not know; our rules have to report one that it knows.
        but = [fits_the_schemas] if change is more else []
        changed = list(change(docs))
        for what, them in changed:
            noticed = next(problems(overlay, them, but), None)
            may = any(re.search(one, what) for one in free)
            if noticed and may:
                yield f"it is no matter of taste that {how.format(what)}: {noticed}"
            if not noticed and not may:
                yield f"nobody notices that {how.format(what)}"
        counts.append(f"{len(changed)} {change.__name__}")
    progress(f"{overlay}: these were changed: {', '.join(counts)}")


def unnoticed_banks(docs, local):
    """Each part of the local cluster's test bank is put where money is real: the rule about that must notice it alone."""
    parts = list(parts_of_a_bank(docs, local))
    for what, changed in parts:
        if not any(provider.payments_are_made_at_stripe(changed)):
            yield f"payments_are_made_at_stripe does not notice that {what}"
    progress(f"{len(parts)} parts of a test bank were added")


def unnoticed_loss(base):
    """A local cluster without its bank is what the overlays have in common: it would pay at Stripe."""
    if not any(provider.payments_are_made_at_the_bank(base)):
        yield "payments_are_made_at_the_bank does not notice that there is none"


def unnoticed_addresses(docs):
    """Each address of another service is taken away: what its program says of its settings must be enough to notice."""
    count = 0
    for index, doc in enumerate(docs):
        at = [index, "spec", "template", "spec", "containers", 0, "env"]
        for place, variable in enumerate(found(docs, at) if doc["kind"] == "Deployment" else []):
            if re.fullmatch(r"(CLIENT|LIVE)__\w+_URL", variable["name"]):
                count += 1
                if not any(environment.programs_accept_the_settings_of_their_pods(without(docs, [*at, place]))):
                    yield f"programs_accept_the_settings_of_their_pods does not notice that {variable['name']} is missing"
    progress(f"{count} addresses of other services were taken away")


def parts_of_a_bank(docs, local):
    there = {app(workload): container for workload, container in containers(local)}
    for workload in workloads(local):
        if app(workload) in (BANK, f"{BANK}-mongo"):
            yield f"there is {name(workload)}", [*docs, workload]
    for index, doc in enumerate(docs):
        if doc["kind"] == "Deployment" and app(doc) in provider.KEYS:
            at = [index, "spec", "template", "spec", "containers", 0]
            yield f"{name(doc)} is that of a local cluster", put(docs, at, there[app(doc)])
            yield f"{name(doc)} runs a bank", put(docs, [*at, "image"], there[BANK]["image"])
            for what, env in environments(found(docs, at)["env"], provider.KEYS[app(doc)], there[app(doc)]["env"]):
                yield f"{name(doc)} {what}", put(docs, [*at, "env"], env)


def environments(env, key, local):
    """That of a service with a key of Stripe's, with what it has on a local cluster, one at a time."""
    others = [variable for variable in env if variable["name"] != key]
    yield f"has no {key}", others
    yield f"has its {key} in git", [*others, {"name": key, "value": "key"}]
    for variable in local:
        if variable["name"] in ("STRIPE_URL", "STRIPE_ALLOW_HTTP"):
            for same in variable["name"], f"PAYMENTS__{variable['name']}":
                yield f"has {same}", [*env, {**variable, "name": same}]


def everything(docs):
    for index, doc in enumerate(docs):
        yield [index], doc
        yield from inside([index], doc)


def called(docs, path, value):
    short = "" if isinstance(value, (dict, list)) or path[-1] in FILES else value
    return f"{name(docs[path[0]])} {'.'.join(map(str, path[1:]))} {short}".strip()


def another(value):
    if isinstance(value, dict):
        return {key: another(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [another(inner) for inner in value]
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"z{value}"
