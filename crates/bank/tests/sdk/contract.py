"""What the payments service needs of Stripe, through Stripe's own library for Python.

Usage: contract.py URL KEY WEBHOOK_SECRET PAYLOAD SIGNATURE
"""

import sys
import uuid

import stripe

URL, KEY, WEBHOOK_SECRET, PAYLOAD, SIGNATURE = sys.argv[1:]
client = stripe.StripeClient(KEY, base_addresses={"api": URL}, max_network_retries=0)


def method(token):
    return client.v1.payment_methods.create({"type": "card", "card": {"token": token}})


def intent():
    return client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "payment_method_types": ["card"], "metadata": {"order_id": "7"}},
        {"idempotency_key": str(uuid.uuid4())},
    )


def confirm(intent, token, key=None):
    params = {"payment_method": method(token).id, "error_on_requires_action": True}
    return client.v1.payment_intents.confirm(intent.id, params, {"idempotency_key": key or str(uuid.uuid4())})


def refused(error, call):
    try:
        call()
    except error as refusal:
        return refusal
    raise AssertionError(f"no {error.__name__}")


# An intent succeeds with one charge, and shows what it was made of.
paid = confirm(intent(), "tok_visa")
assert paid.status == "succeeded" and paid.amount_received == 2000, paid
assert paid.metadata["order_id"] == "7", paid
assert client.v1.charges.retrieve(paid.latest_charge).paid
assert client.v1.payment_intents.retrieve(paid.id).latest_charge == paid.latest_charge

# A declined card is a card error, and another card may be tried.
for token, code, decline_code in [
    ("tok_chargeDeclined", "card_declined", "generic_decline"),
    ("tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("tok_chargeDeclinedExpiredCard", "expired_card", None),
    ("tok_threeDSecure2Required", "authentication_required", "authentication_required"),
]:
    tried = intent()
    declined = refused(stripe.CardError, lambda: confirm(tried, token))
    assert declined.http_status == 402 and declined.code == code, declined
    assert declined.error.decline_code == decline_code, declined.error
    assert declined.error.payment_intent.status == "requires_payment_method", declined.error
    assert confirm(tried, "tok_visa").status == "succeeded"

# A key repeats the answer, and belongs to its parameters.
key = str(uuid.uuid4())
first = client.v1.payment_intents.create({"amount": 700, "currency": "usd"}, {"idempotency_key": key})
again = client.v1.payment_intents.create({"amount": 700, "currency": "usd"}, {"idempotency_key": key})
assert first.id == again.id and again.last_response.headers["idempotent-replayed"] == "true"
other = lambda: client.v1.payment_intents.create({"amount": 800, "currency": "usd"}, {"idempotency_key": key})
refused(stripe.IdempotencyError, other)

# What is cancelled can't be paid, and what is paid can't be cancelled.
cancelled = client.v1.payment_intents.cancel(intent().id)
assert cancelled.status == "canceled"
for call in [lambda: confirm(cancelled, "tok_visa"), lambda: client.v1.payment_intents.cancel(paid.id)]:
    assert refused(stripe.InvalidRequestError, call).code == "payment_intent_unexpected_state"

# A charge is refunded once.
refund = client.v1.refunds.create({"payment_intent": paid.id}, {"idempotency_key": str(uuid.uuid4())})
assert refund.status == "succeeded" and refund.amount == 2000, refund
twice = lambda: client.v1.refunds.create({"payment_intent": paid.id})
assert refused(stripe.InvalidRequestError, twice).code == "charge_already_refunded"

# Wrong requests are refused with the parameter.
small = lambda: client.v1.payment_intents.create({"amount": 49, "currency": "usd"})
assert refused(stripe.InvalidRequestError, small).code == "amount_too_small"
assert refused(stripe.InvalidRequestError, lambda: method("tok_nothing")).param == "card[token]"
nobody = stripe.StripeClient("sk_test_other", base_addresses={"api": URL}, max_network_retries=0)
refused(stripe.AuthenticationError, lambda: nobody.v1.balance.retrieve())

# Lists are read page by page.
page = client.v1.payment_intents.list({"limit": 3})
ids = [one.id for one in page.auto_paging_iter()]
assert len(ids) == len(set(ids)) and paid.id in ids, ids
kinds = {event.type for event in client.v1.events.list({"limit": 100}).auto_paging_iter()}
assert {"payment_intent.succeeded", "payment_intent.payment_failed", "charge.refunded"} <= kinds, kinds

# A webhook's signature is the one that the library expects.
event = stripe.Webhook.construct_event(PAYLOAD, SIGNATURE, WEBHOOK_SECRET, tolerance=300)
assert event.type == "payment_intent.succeeded"
refused(stripe.SignatureVerificationError, lambda: stripe.Webhook.construct_event(PAYLOAD, SIGNATURE, "whsec_other"))
print("as Stripe's library for Python expects")
