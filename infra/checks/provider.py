"""Rules: money moves at Stripe, with a key that git does not keep; only a local cluster has a test bank instead."""

from checks.application import BANK, PAID, has_bank
from checks.environment import is_secret
from checks.overlay import app, containers, name


def payments_are_made_at_stripe(docs):
    for workload, container in containers(docs):
        image = container["image"].split(":")[0].split("/")[-1]
        if app(workload) in (BANK, f"{BANK}-mongo") or BANK in (container["name"], image):
            yield f"{name(workload)}: only a local cluster has a test bank"
        given = {setting(variable): variable for variable in container["env"]}
        if "STRIPE_ALLOW_HTTP" in given:
            yield f"{name(workload)}: it may send its key without encryption"
        if "STRIPE_URL" in given:
            yield f"{name(workload)}: it pays somewhere else than at Stripe"
        if app(workload) in PAID and not is_secret(given.get("STRIPE_KEY", {})):
            yield f"{name(workload)}: STRIPE_KEY does not come from a Secret"


def setting(variable):
    """A setting has two variables: STRIPE_URL is PAYMENTS__STRIPE_URL, too."""
    return variable["name"].upper().removeprefix("PAYMENTS__")


def payments_are_made_at_the_bank(docs):
    """That it is there; what the pods of both get is a rule for all pods (environment.py)."""
    if not has_bank(docs):
        yield "there is no test bank"
