//! Faults that the bank injects itself: its answers are late, lost or wrong.

use std::fmt;

use serde_json::{Value, json};
use testkit::Api;

/// What is ordered at the bank: what happens to the next requests with this end of their path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BankFault {
    pub(crate) kind: BankFaultKind,
    pub(crate) path: &'static str,
    pub(crate) times: u32,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BankFaultKind {
    /// It is carried out this many milliseconds later.
    Delay(u32),
    /// The connection breaks before the effect.
    CutBefore,
    /// The connection breaks after the effect.
    CutAfter,
    /// The answer is 500 after the effect, under its idempotency key too.
    ErrorAfter,
    /// The answer is 429 without an effect.
    TooManyRequests,
}

/// The ends of the paths of requests that change something.
pub(crate) const PATHS: [&str; 5] = ["/payment_methods", "/payment_intents", "/confirm", "/cancel", "/refunds"];

/// Orders a fault; whether the bank has taken it.
pub(crate) async fn order(bank: Api, fault: BankFault) -> bool {
    let BankFault { kind, path, times } = fault;
    let milliseconds = if let BankFaultKind::Delay(milliseconds) = kind { milliseconds } else { 0 };
    let order = json!({ "fault": kind.name(), "path": path, "times": times, "milliseconds": milliseconds });
    bank.try_send("POST", "/-/faults", "", &order).await.is_some_and(|answer| answer.status == 201)
}

/// Ends all faults that have not happened yet; whether the bank has done so.
pub(crate) async fn clear(bank: Api) -> bool {
    bank.try_send("DELETE", "/-/faults", "", &Value::Null).await.is_some_and(|answer| answer.status == 204)
}

impl BankFaultKind {
    /// The name that the bank has for it.
    fn name(self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::CutBefore => "cut_before",
            Self::CutAfter => "cut_after",
            Self::ErrorAfter => "error_after",
            Self::TooManyRequests => "too_many_requests",
        }
    }
}

impl fmt::Display for BankFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, path, times } = self;
        match kind {
            BankFaultKind::Delay(milliseconds) => write!(f, "delay by {milliseconds} ms")?,
            kind => f.write_str(kind.name())?,
        }
        write!(f, " of {times} requests to {path}")
    }
}
