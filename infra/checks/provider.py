"""Rules: money moves at Stripe, with a key that git does not keep; only a local cluster has a test bank instead."""

from checks.application import BANK, PAGES, PAID, has_bank
from checks.environment import is_secret
from checks.overlay import app, containers, name

# The keys of an account at Stripe: who takes money has the one, and who asks for the number of a card the other. Without it,
# the pages offer test cards.
KEYS = {service: "STRIPE_KEY" for service in PAID} | {service: "STRIPE_PUBLISHABLE_KEY" for service in PAGES}


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
        key = KEYS.get(app(workload))
        if key and not is_secret(given.get(key, {})):
            yield f"{name(workload)}: {key} does not come from a Secret"


def setting(variable):
    """A setting has two variables: STRIPE_URL is PAYMENTS__STRIPE_URL, too."""
    return variable["name"].upper().removeprefix("PAYMENTS__")


def payments_are_made_at_the_bank(docs):
    """That it is there; what the pods of both get is a rule for all pods (environment.py)."""
    if not has_bank(docs):
        yield "there is no test bank"
