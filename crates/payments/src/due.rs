//! Payments that are due: both children that look at them do so in the same way.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use service::Stopping;
use store::report;
use tokio::time::{MissedTickBehavior, interval};

use crate::models::{Payment, Payments, State, Taken};

/// How often payments are looked for that are due.
const EVERY: Duration = Duration::from_secs(1);

/// How many payments are looked at in parallel.
const AT_ONCE: usize = 8;

/// Calls `turn` for each payment of the provider that is due in a state, until the service stops.
///
/// A turn that is broken off by the stop is taken up again when its lease is over.
pub(crate) async fn each_due<F: Future<Output = ()>>(
    stopping: &Stopping,
    payments: &Payments,
    state: State,
    provider: &str,
    turn: impl Fn(Payment) -> F,
) {
    let mut beat = interval(EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turns = FuturesUnordered::new();
    loop {
        let next = async {
            tokio::select! {
                _ = beat.tick() => {}
                () = payments.woken() => {}
                Some(()) = turns.next() => {}
            }
        };
        if stopping.or(next).await.is_none() {
            return;
        }
        if stopping.or(begin(&mut turns, payments, state, provider, &turn)).await.is_none() {
            return;
        }
    }
}

/// Begins a turn for each payment that is due now, beside those that are still running: a slow one delays no other.
async fn begin<F: Future<Output = ()>>(
    turns: &mut FuturesUnordered<F>,
    payments: &Payments,
    state: State,
    provider: &str,
    turn: &impl Fn(Payment) -> F,
) {
    while turns.len() < AT_ONCE {
        match payments.take(state, provider).await {
            Ok(Taken::Payment(payment)) => turns.push(turn(*payment)),
            Ok(Taken::Unreadable) => {}
            Ok(Taken::Nothing) => return,
            Err(error) => return report(&"failed to look for payments that are due", &error),
        }
    }
}
