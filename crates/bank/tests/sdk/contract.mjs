// What the payments service needs of Stripe, through Stripe's own library for Node.js.
//
// Usage: contract.mjs URL KEY WEBHOOK_SECRET PAYLOAD SIGNATURE

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import Stripe from "stripe";

const [url, key, webhookSecret, payload, signature] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const options = { host: hostname, port, protocol: "http", maxNetworkRetries: 0, telemetry: false };
const stripe = new Stripe(key, options);

const method = (token) => stripe.paymentMethods.create({ type: "card", card: { token } });
const intent = () =>
  stripe.paymentIntents.create(
    { amount: 2000, currency: "usd", payment_method_types: ["card"], metadata: { order_id: "7" } },
    { idempotencyKey: randomUUID() },
  );
const confirm = async ({ id }, token) =>
  stripe.paymentIntents.confirm(
    id,
    { payment_method: (await method(token)).id, error_on_requires_action: true },
    { idempotencyKey: randomUUID() },
  );

// An intent succeeds with one charge, and shows what it was made of.
const paid = await confirm(await intent(), "tok_visa");
assert.equal(paid.status, "succeeded");
assert.equal(paid.metadata.order_id, "7");
assert.equal((await stripe.charges.retrieve(paid.latest_charge)).paid, true);

// A declined card is a card error, and another card may be tried.
for (const [token, code] of [
  ["tok_chargeDeclined", "card_declined"],
  ["tok_chargeDeclinedProcessingError", "processing_error"],
  ["tok_threeDSecure2Required", "authentication_required"],
]) {
  const tried = await intent();
  await assert.rejects(confirm(tried, token), (error) => {
    assert.equal(error.type, "StripeCardError");
    assert.equal(error.code, code);
    assert.equal(error.payment_intent.status, "requires_payment_method");
    return true;
  });
  assert.equal((await confirm(tried, "tok_mastercard")).status, "succeeded");
}

// A key repeats the answer, and belongs to its parameters.
const idempotencyKey = randomUUID();
const first = await stripe.paymentIntents.create({ amount: 700, currency: "usd" }, { idempotencyKey });
const again = await stripe.paymentIntents.create({ amount: 700, currency: "usd" }, { idempotencyKey });
assert.equal(first.id, again.id);
await assert.rejects(stripe.paymentIntents.create({ amount: 800, currency: "usd" }, { idempotencyKey }), {
  type: "StripeIdempotencyError",
});

// What is cancelled can't be paid, and a charge is refunded once.
const cancelled = await stripe.paymentIntents.cancel((await intent()).id);
await assert.rejects(confirm(cancelled, "tok_visa"), { code: "payment_intent_unexpected_state" });
assert.equal((await stripe.refunds.create({ payment_intent: paid.id })).status, "succeeded");
await assert.rejects(stripe.refunds.create({ payment_intent: paid.id }), { code: "charge_already_refunded" });

// Wrong requests are refused with the parameter.
await assert.rejects(stripe.paymentIntents.create({ amount: 49, currency: "usd" }), { code: "amount_too_small" });
await assert.rejects(new Stripe("sk_test_other", options).balance.retrieve(), { type: "StripeAuthenticationError" });

// Lists are read page by page.
const ids = [];
for await (const { id } of stripe.paymentIntents.list({ limit: 3 })) ids.push(id);
assert.equal(new Set(ids).size, ids.length);
assert.ok(ids.includes(paid.id));

// A webhook's signature is the one that the library expects.
assert.equal(stripe.webhooks.constructEvent(payload, signature, webhookSecret).type, "payment_intent.succeeded");
assert.throws(() => stripe.webhooks.constructEvent(payload, signature, "whsec_other"));
console.log("as Stripe's library for Node.js expects");
