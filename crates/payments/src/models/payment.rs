//! A payment: how far the money of an order is, and how that may change.

use std::time::Duration;

use common::events::{AnyId, OrderId, PaymentCreated, PaymentId, PaymentRefunded, Price, UserId};
use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};
use store::{Versioned, new_id, time_of};
use time::OffsetDateTime;

use super::Order;

/// How long an attempt, or a turn of the settler or the refunder, has the payment for itself.
pub(super) const LEASE: Duration = Duration::from_secs(15);

/// How long the provider has for all requests of one turn: less than the lease.
pub(crate) const TURN_WITHIN: Duration = Duration::from_secs(10);

/// The limits of the pause until the provider is asked again. It doubles with each turn that finds out nothing.
const MIN_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The payment of an order: the only one that the order has.
///
/// Each change raises the version and is saved only on top of the version that it was made to. So somebody who was frozen
/// and comes back after their lease changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    #[serde(rename = "_id")]
    id: PaymentId,
    order_id: OrderId,
    user_id: UserId,
    #[serde(flatten, with = "store::price")]
    price: Price,
    /// Whose money it is: the place of the provider, and the account.
    provider: String,
    state: State,
    /// The number of the attempt, from 1; another one begins after one was declined.
    attempt: u32,
    /// The payment method of this attempt at the provider; absent until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Whether the method was made for this attempt, so that no earlier one was declined with it.
    #[serde(default)]
    is_method_new: bool,
    /// The only intent at the provider that is ever confirmed for the order; absent until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent: Option<String>,
    /// The charge that has succeeded: the `stripeId` of the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    charge: Option<String>,
    /// The refund at the provider; absent until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refund: Option<String>,
    /// How many refunds an operator has asked for after one that failed.
    #[serde(default)]
    refunds_failed: u32,
    /// Why the attempt was declined, or why the refund is stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// When the settler or the refunder looks at it next, in a state that needs it; the end of the lease, if there is one.
    due_at: DateTime,
    /// Whether somebody has it for themselves until then.
    is_leased: bool,
    /// How many turns have found out nothing since the state was reached.
    turns: u32,
    /// When the state was reached.
    since: DateTime,
    created_at: DateTime,
    version: u64,
}

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// An attempt runs, or what became of it is not known yet; also an intent that is still to be cancelled.
    Begun,
    /// The last attempt was declined; nothing was charged, and another one may begin.
    Declined,
    /// Nothing was charged, and nothing can be: the order was cancelled first.
    Closed,
    /// The money has moved.
    Paid,
    /// The money has moved, the order was cancelled, and the money must go back.
    RefundDue,
    /// The money went back.
    Refunded,
    /// The money must go back, and that has failed: an operator must look at it.
    Stuck,
}

/// Why no attempt can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CannotBegin {
    /// The order was cancelled, or its time has run out.
    OrderCancelled,
    /// The order is paid.
    AlreadyPaid,
    /// Another attempt runs, or its outcome is not known yet.
    Running,
    /// An attempt was made with another provider or account, which knows what became of it.
    OtherProvider,
}

/// What the provider says of an attempt in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The charge has succeeded.
    Charged(String),
    /// Nothing was charged; the text says why.
    Declined(String),
    /// Nothing was charged, and nothing can be.
    Closed,
}

/// The idempotency keys of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) method_key: String,
    pub(crate) intent_key: String,
    pub(crate) confirm_key: String,
}

impl Payment {
    /// An attempt to pay an order: the first one, or another one after one that was declined, with the same intent.
    pub(crate) fn begin(
        earlier: Option<Self>,
        order: &Order,
        provider: &str,
        method: Option<String>,
    ) -> Result<Self, CannotBegin> {
        match earlier.as_ref().map(Self::state) {
            Some(State::Paid) => return Err(CannotBegin::AlreadyPaid),
            Some(State::Closed | State::RefundDue | State::Refunded | State::Stuck) => {
                return Err(CannotBegin::OrderCancelled);
            }
            Some(State::Begun) => return Err(CannotBegin::Running),
            Some(State::Declined) | None if !order.is_payable() => return Err(CannotBegin::OrderCancelled),
            Some(State::Declined) | None => {}
        }
        match earlier {
            None => Ok(Self::first(order, provider, method)),
            Some(earlier) if earlier.provider != provider => Err(CannotBegin::OtherProvider),
            Some(earlier) => {
                let attempt = earlier.attempt + 1;
                let next = earlier.reached(State::Begun);
                let mut next = Self { attempt, method, is_method_new: false, message: None, ..next };
                next.due_at = after(LEASE);
                next.is_leased = true;
                Ok(next)
            }
        }
    }

    fn first(order: &Order, provider: &str, method: Option<String>) -> Self {
        let now = DateTime::now();
        Self {
            id: new_id(),
            order_id: order.id(),
            user_id: order.buyer(),
            price: order.price(),
            provider: provider.to_owned(),
            state: State::Begun,
            attempt: 1,
            method,
            is_method_new: true,
            intent: None,
            charge: None,
            refund: None,
            refunds_failed: 0,
            message: None,
            due_at: after(LEASE),
            is_leased: true,
            turns: 0,
            since: now,
            created_at: now,
            version: 0,
        }
    }

    /// A payment that the provider has and this service does not; the settler asks what became of it.
    pub(crate) fn adopted(id: PaymentId, order: &Order, provider: &str, intent: &str) -> Self {
        let first = Self::first(order, provider, None);
        Self { id, intent: Some(intent.to_owned()), due_at: DateTime::now(), is_leased: false, ..first }
    }

    /// What the attempt will be confirmed with is known.
    pub(crate) fn prepared(mut self, method: &str, intent: &str) -> Self {
        self.version += 1;
        self.is_method_new |= self.method.is_none();
        self.method = Some(method.to_owned());
        self.intent = Some(intent.to_owned());
        self
    }

    /// The attempt is over. The event is to be recorded with the change.
    ///
    /// A cancelled order is not paid: what was charged goes back, and an intent that could still succeed is cancelled.
    pub(crate) fn settled(self, outcome: Settled, is_cancelled: bool) -> (Self, Option<PaymentCreated>) {
        match outcome {
            Settled::Charged(charge) => {
                let charged = Self { charge: Some(charge), message: None, ..self };
                if is_cancelled { (charged.reached(State::RefundDue), None) } else { charged.paid() }
            }
            Settled::Declined(_) if is_cancelled && self.intent.is_some() => (self.reached(State::Begun), None),
            Settled::Declined(why) => (Self { message: Some(why), ..self }.reached(State::Declined), None),
            Settled::Closed => (self.reached(State::Closed), None),
        }
    }

    fn paid(self) -> (Self, Option<PaymentCreated>) {
        let paid = self.reached(State::Paid);
        let stripe_id = paid.charge.clone().unwrap_or_default();
        let event = PaymentCreated { id: paid.id, order_id: paid.order_id, stripe_id };
        (paid, Some(event))
    }

    /// The order was cancelled. Nothing changes while an attempt runs, since its end looks at the order again.
    pub(crate) fn order_cancelled(self) -> Option<Self> {
        match self.state {
            State::Paid => Some(self.reached(State::RefundDue)),
            State::Declined if self.intent.is_some() => Some(self.reached(State::Begun)),
            State::Declined | State::Begun | State::Closed | State::RefundDue | State::Refunded | State::Stuck => None,
        }
    }

    /// The provider has a refund, which may still fail.
    pub(crate) fn refund_begun(self, refund: &str) -> Self {
        let refund = Some(refund.to_owned());
        Self { refund, ..self }.found_nothing()
    }

    /// The money went back. The event is to be recorded with the change.
    pub(crate) fn refunded(self, refund: &str) -> (Self, PaymentRefunded) {
        let refunded = Self { refund: Some(refund.to_owned()), message: None, ..self }.reached(State::Refunded);
        let stripe_id = refunded.charge.clone().unwrap_or_default();
        let event = PaymentRefunded { id: refunded.id, order_id: refunded.order_id, stripe_id };
        (refunded, event)
    }

    /// The refund has failed, and is not tried again by itself.
    pub(crate) fn stuck(self, why: String) -> Self {
        Self { message: Some(why), ..self }.reached(State::Stuck)
    }

    /// A refund that is stuck is tried again, as another one.
    pub(crate) fn unstuck(self) -> Self {
        let refunds_failed = self.refunds_failed + 1;
        Self { refund: None, refunds_failed, message: None, ..self }.reached(State::RefundDue)
    }

    /// The provider is asked again what became of it, although nothing was charged as far as is known. The card that was
    /// declined is not tried again.
    pub(crate) fn doubted(self) -> Self {
        Self { method: None, ..self.reached(State::Begun) }
    }

    /// A turn has found out nothing; the next one comes after a pause, which is shortened at random.
    pub(crate) fn found_nothing(mut self) -> Self {
        let pause = MIN_PAUSE.saturating_mul(1 << self.turns.min(16)).min(MAX_PAUSE);
        self.due_at = after(pause.mul_f64(rand::random_range(0.5..=1.0)));
        self.is_leased = false;
        self.turns = self.turns.saturating_add(1);
        self.version += 1;
        self
    }

    fn reached(mut self, state: State) -> Self {
        self.state = state;
        self.since = DateTime::now();
        self.due_at = self.since;
        self.is_leased = false;
        self.turns = 0;
        self.version += 1;
        self
    }

    /// The idempotency keys of this attempt.
    pub(crate) fn keys(&self) -> Attempt {
        let Self { id, attempt, .. } = self;
        Attempt {
            method_key: format!("pm-{id}-{attempt}"),
            intent_key: format!("pi-{id}-{attempt}"),
            confirm_key: format!("ok-{id}-{attempt}"),
        }
    }

    /// The idempotency key of its refund.
    pub(crate) fn refund_key(&self) -> String {
        format!("re-{}-{}", self.id, self.refunds_failed)
    }

    pub(crate) fn id(&self) -> PaymentId {
        self.id
    }

    pub(crate) fn order(&self) -> OrderId {
        self.order_id
    }

    pub(crate) fn buyer(&self) -> UserId {
        self.user_id
    }

    pub(crate) fn price(&self) -> Price {
        self.price
    }

    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether it is not the first attempt.
    pub(crate) fn is_repeated(&self) -> bool {
        self.attempt > 1
    }

    pub(crate) fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// The payment method, if no earlier attempt was made with it.
    pub(crate) fn new_method(&self) -> Option<&str> {
        self.method().filter(|_| self.is_method_new)
    }

    pub(crate) fn intent(&self) -> Option<&str> {
        self.intent.as_deref()
    }

    pub(crate) fn refund(&self) -> Option<&str> {
        self.refund.as_deref()
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// How many turns have found out nothing since it reached its state.
    pub(crate) fn turns(&self) -> u32 {
        self.turns
    }

    /// How long it has been in its state.
    pub(crate) fn age(&self) -> Duration {
        DateTime::now().saturating_duration_since(self.since)
    }

    /// When it reached its state.
    pub(crate) fn since(&self) -> OffsetDateTime {
        time_of(self.since)
    }

    /// When the first attempt began, in seconds since 1970.
    pub(crate) fn created(&self) -> i64 {
        self.created_at.timestamp_millis() / 1000
    }
}

impl Versioned for Payment {
    fn id(&self) -> AnyId {
        self.id.any()
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// The time that is this far ahead.
pub(super) fn after(time: Duration) -> DateTime {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    DateTime::from_millis(DateTime::now().timestamp_millis().saturating_add(millis))
}
