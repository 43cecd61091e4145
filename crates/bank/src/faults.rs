//! Faults on order, so that a client can be tried against lost, late and wrong answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use serde::{Deserialize, Serialize};

/// An ordered fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// What happens.
    fault: Fault,
    /// The end of the path of the requests that it happens to, as `/confirm`; all requests if it is empty.
    #[serde(default)]
    path: String,
    /// How many requests it happens to.
    #[serde(default = "once")]
    times: u32,
    /// How long a delay is.
    #[serde(default)]
    milliseconds: u32,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// The request is carried out later.
    Delay,
    /// The connection breaks, and the request has no effect.
    CutBefore,
    /// The request has its effect, and the connection breaks before the answer.
    CutAfter,
    /// The request has its effect, and the answer is 500, under its idempotency key too.
    ErrorAfter,
    /// The answer is 429, and the request has no effect.
    TooManyRequests,
}

fn once() -> u32 {
    1
}

/// The faults that are still to happen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<Mutex<Vec<Order>>>);

impl Faults {
    pub(crate) fn order(&self, order: Order) {
        self.lock().push(order);
    }

    pub(crate) fn orders(&self) -> Vec<Order> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Injects the fault of a request with this path, if it has one. A delay is over when this returns.
    pub(crate) async fn inject(&self, path: &str) -> Option<Fault> {
        let order = self.take(path)?;
        if order.fault != Fault::Delay {
            return Some(order.fault);
        }
        tokio::time::sleep(Duration::from_millis(order.milliseconds.into())).await;
        None
    }

    fn take(&self, path: &str) -> Option<Order> {
        let mut orders = self.lock();
        let place = orders.iter().position(|order| path.ends_with(&order.path))?;
        orders[place].times = orders[place].times.saturating_sub(1);
        if orders[place].times == 0 { Some(orders.remove(place)) } else { Some(orders[place].clone()) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that never arrives: the connection breaks before its first byte.
pub(crate) fn cut() -> Response {
    Response::new(Body::from_stream(stream::once(async { Err::<Vec<u8>, _>("the connection is cut on order") })))
}
