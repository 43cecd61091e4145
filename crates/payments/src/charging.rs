//! Charging: an attempt to pay, from its beginning to what the provider says of it in the end.
//!
//! | step | in | what happens |
//! | --- | --- | --- |
//! | begin | a transaction | the attempt and its lease are saved; the order's copy is written, so that a cancellation conflicts |
//! | provider | none | payment method and intent are made, *their ids are saved*, and the intent is confirmed |
//! | settle | a transaction | what the provider said is saved with the event that reports it |
//!
//! Whatever is killed or lost in between leaves an attempt that has begun, and the settler asks the provider what became of
//! it. Nothing is charged before the confirmation, and an intent succeeds at most once, so the worst that can happen to a
//! payment is that it is settled later.

use anyhow::Context;
use bus::crash::point;
use service::Error;
use store::Projection;
use tokio::time::timeout;

use crate::models::{NO_COPY, Order, Payment, Payments, Settled, TURN_WITHIN};
use crate::provider::{Card, Intent, IntentStatus, Provider, Refusal};

/// Why an attempt of which nothing more is known has ended.
const INTERRUPTED: &str = "The payment was interrupted, and nothing was charged. Please try again.";

/// Charges cards.
#[derive(Clone, Debug)]
pub(crate) struct Charging {
    pub(crate) payments: Payments,
    pub(crate) orders: Projection<Order>,
    pub(crate) provider: Provider,
}

/// What a turn has found out: how the attempt has ended, or nothing.
type Found = Option<Settled>;

impl Charging {
    /// Carries out an attempt that has begun, and returns the payment as it is then. If it is in the same state, what became
    /// of it is not known, and the settler finds out.
    pub(crate) async fn attempt(&self, payment: Payment, card: &Card) -> Payment {
        let mut last = payment;
        let turn = async {
            let Some((method, intent)) = self.prepare(&mut last, card).await? else { return Ok(last.clone()) };
            let found = self.confirm(&last, &intent, &method).await?;
            self.settle(&last, found).await
        };
        match timeout(TURN_WITHIN, turn).await {
            Ok(Ok(payment)) => payment,
            Ok(Err(error)) => self.not_known(&last, &error).await,
            Err(_) => self.not_known(&last, &anyhow::anyhow!("no answer in time")).await,
        }
    }

    /// Finds out what became of an attempt that was left behind.
    pub(crate) async fn find_out(&self, payment: Payment) {
        let turn = async {
            let found = self.ask(&payment).await?;
            self.settle(&payment, found).await
        };
        match timeout(TURN_WITHIN, turn).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => drop(self.not_known(&payment, &error).await),
            Err(_) => drop(self.not_known(&payment, &anyhow::anyhow!("no answer in time")).await),
        }
    }

    /// Makes what the attempt is confirmed with, and saves it. `None` if the attempt has ended with that.
    async fn prepare(&self, payment: &mut Payment, card: &Card) -> Result<Option<(String, String)>, Error> {
        let made = async {
            let method = self.provider.method(card, &payment.keys().method_key).await?;
            point("payment-method-made");
            Ok::<_, Refusal>((method, self.intent_for(payment).await?))
        };
        let (method, intent) = match made.await {
            Ok(made) => made,
            Err(Refusal::Declined(why) | Refusal::Invalid(why)) => {
                *payment = self.payments.settle(payment, Settled::Declined(why)).await?;
                return Ok(None);
            }
            Err(refusal) => return Err(refusal.into()),
        };
        point("payment-intent-made");
        let prepared = payment.clone().prepared(&method, &intent);
        if !self.payments.save(&prepared).await? {
            // The lease was over, and somebody else has ended the attempt.
            *payment = self.payments.find(payment.order()).await?.unwrap_or(prepared);
            return Ok(None);
        }
        *payment = prepared;
        point("payment-prepared");
        Ok(Some((method, intent)))
    }

    /// The order's intent. An earlier attempt may have made it without learning its id.
    async fn intent_for(&self, payment: &Payment) -> Result<String, Refusal> {
        if let Some(known) = payment.intent() {
            return Ok(known.to_owned());
        }
        if payment.is_repeated()
            && let Some(found) = self.provider.intent_of(payment.id(), payment.created() - MAX_DIFFERENCE).await?
        {
            return Ok(found.id);
        }
        let key = payment.keys().intent_key;
        let made = self.provider.new_intent(payment.order(), payment.id(), payment.price(), &key).await?;
        Ok(made.id)
    }

    /// Confirms the attempt. With the same key again it is not another attempt: the provider repeats its answer.
    async fn confirm(&self, payment: &Payment, intent: &str, method: &str) -> Result<Found, Error> {
        let answer = self.provider.confirm(intent, method, &payment.keys().confirm_key).await;
        point("payment-confirmed");
        match answer {
            Ok(intent) => Ok(ended(&intent)),
            Err(Refusal::Declined(why) | Refusal::Invalid(why)) => Ok(Some(Settled::Declined(why))),
            Err(Refusal::UnexpectedState(_)) => Ok(ended(&self.provider.intent(intent).await?)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Asks the provider what became of an attempt; an intent that waits is confirmed as long as the order can be paid, and
    /// cancelled otherwise.
    async fn ask(&self, payment: &Payment) -> Result<Found, Error> {
        let declined = || Some(Settled::Declined(payment.message().unwrap_or(INTERRUPTED).to_owned()));
        let Some(id) = payment.intent() else { return Ok(declined()) };
        let intent = self.provider.intent(id).await?;
        if intent.status != IntentStatus::Open {
            return Ok(ended(&intent));
        }
        let is_payable = self.orders.find(payment.order()).await?.context(NO_COPY)?.is_payable();
        // The answer was lost, or is an error that the provider repeats under the key. An earlier attempt with the same
        // method would look the same.
        let why = payment.new_method().and_then(|method| intent.declined(method));
        if let Some(why) = why.filter(|_| is_payable) {
            return Ok(Some(Settled::Declined(why.to_owned())));
        }
        match payment.method() {
            Some(method) if is_payable => self.confirm(payment, id, method).await,
            None if is_payable => Ok(declined()),
            Some(_) | None => Ok(ended(&self.provider.cancel(id).await?)),
        }
    }

    /// Saves what was found out, and returns the payment as it is now.
    async fn settle(&self, payment: &Payment, found: Found) -> Result<Payment, Error> {
        match found {
            Some(outcome) => self.payments.settle(payment, outcome).await,
            None => Ok(self.later(payment).await),
        }
    }

    async fn not_known(&self, payment: &Payment, error: &Error) -> Payment {
        tracing::warn!(order_id = %payment.order(), "what became of a payment is not known yet: {error:#}");
        self.later(payment).await
    }

    /// Lets the settler look at it again soon, and not only at the end of the lease.
    async fn later(&self, payment: &Payment) -> Payment {
        let later = payment.clone().found_nothing();
        if let Err(error) = self.payments.save(&later).await {
            tracing::debug!("failed to shorten a lease: {error:#}");
        }
        later
    }
}

/// By how many seconds the clock of the provider may be behind this machine's.
const MAX_DIFFERENCE: i64 = 10 * 60;

/// How the attempt has ended, if the intent says so.
fn ended(intent: &Intent) -> Found {
    match intent.status {
        IntentStatus::Succeeded => intent.latest_charge.clone().map(Settled::Charged),
        IntentStatus::Canceled => Some(Settled::Closed),
        IntentStatus::Processing | IntentStatus::Open => None,
    }
}
