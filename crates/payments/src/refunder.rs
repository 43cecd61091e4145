//! The refunder: pays back what was paid for orders that were cancelled.

use std::time::Duration;

use bus::crash::point;
use service::{Error, Scope, Service};
use tokio::time::timeout;

use crate::due::each_due;
use crate::models::{Payment, Payments, State, TURN_WITHIN};
use crate::provider::{Provider, Refund, RefundStatus, Refusal};

/// After how long a refund that does not end is left to an operator.
const STUCK_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How many turns that find out nothing it takes at least until then.
const TURNS_BEFORE_STUCK: u32 = 10;

/// Pays back what was paid for orders that were cancelled.
#[derive(Clone, Debug)]
pub(crate) struct Refunder {
    pub(crate) payments: Payments,
    pub(crate) provider: Provider,
}

impl Service for Refunder {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let Self { payments, provider } = self.clone();
        let turn = move |payment| {
            let refunder = self.clone();
            async move { refunder.turn(payment).await }
        };
        each_due(&scope.stopping(), &payments, State::RefundDue, provider.name(), turn).await;
        Ok(())
    }
}

impl Refunder {
    async fn turn(&self, payment: Payment) {
        let refund = timeout(TURN_WITHIN, self.refund(&payment)).await;
        point("refund-made");
        let saved = match refund {
            Ok(Ok(Refund { id, status: RefundStatus::Succeeded, .. })) => {
                self.payments.save_refunded(&payment, &id).await
            }
            Ok(Ok(Refund { id, status: RefundStatus::Pending, .. })) => self.save(&payment.refund_begun(&id)).await,
            Ok(Ok(Refund { status: RefundStatus::Failed | RefundStatus::Canceled, failure_reason, .. })) => {
                let why = failure_reason.unwrap_or_else(|| "no reason is given".to_owned());
                self.stuck(payment, format!("The refund has failed: {why}")).await
            }
            Ok(Err(Refusal::Invalid(why))) => self.stuck(payment, why).await,
            Ok(Err(refusal)) => self.later(payment, &refusal.to_string()).await,
            Err(_) => self.later(payment, "no answer in time").await,
        };
        if let Err(error) = saved {
            store::report(&"failed to save a refund, which is looked at again", &error);
        }
    }

    /// The refund of a payment: the one that is known, or a new one.
    async fn refund(&self, payment: &Payment) -> Result<Refund, Refusal> {
        if let Some(known) = payment.refund() {
            return self.provider.refund(known).await;
        }
        let intent = payment.intent().unwrap_or_default();
        let asked = self.provider.new_refund(intent, payment.id(), &payment.refund_key()).await;
        let own = match &asked {
            // Somebody has refunded it at the provider.
            Err(Refusal::AlreadyRefunded(_)) => None,
            // The answer was lost, and the provider repeats an error under the key. A part that somebody has refunded there
            // is not ours.
            Err(Refusal::Unknown(_)) => Some(payment.id()),
            Ok(_) | Err(_) => return asked,
        };
        match self.provider.refund_of(intent, own).await? {
            Some(made) => Ok(made),
            None => asked,
        }
    }

    async fn later(&self, payment: Payment, why: &str) -> Result<(), Error> {
        tracing::warn!(order_id = %payment.order(), "a refund is not made yet: {why}");
        // A refund that is known ends at the provider, however long that takes; and after a day without this service, one
        // answer that is lost says nothing.
        if payment.refund().is_none() && payment.age() > STUCK_AFTER && payment.turns() >= TURNS_BEFORE_STUCK {
            return self.stuck(payment, format!("The refund was not made within a day: {why}")).await;
        }
        self.save(&payment.found_nothing()).await
    }

    async fn stuck(&self, payment: Payment, why: String) -> Result<(), Error> {
        tracing::error!(order_id = %payment.order(), "a refund is stuck: {why}; see `payments ls --stuck`");
        metrics::counter!("payments_stuck_total").increment(1);
        self.save(&payment.stuck(why)).await
    }

    async fn save(&self, payment: &Payment) -> Result<(), Error> {
        self.payments.save(payment).await?; // if it is another one now, somebody else has it
        Ok(())
    }
}
