//! Points where a test kills the process.
//!
//! Without the feature `faults` a program contains nothing of this.

/// All points, in the order in which a request and then an event pass them.
#[cfg(feature = "faults")]
pub const POINTS: [&str; 11] = [
    "transaction-begun",
    "transaction-before-commit",
    "transaction-committed",
    "relay-before-publish",
    "relay-published",
    "relay-marked",
    "listener-received",
    "listener-noted",
    "listener-handled",
    "listener-before-ack",
    "subscription-acked",
];

/// The points of an event that is stored while it waits for another: stored and not acked, handled and still stored.
#[cfg(feature = "faults")]
pub const WAITING_POINTS: [&str; 2] = ["waiting-stored", "waiting-before-settled"];

/// The points of a payment and of a refund: between what the provider has done and what is saved of it.
pub const PAYMENT_POINTS: [&str; 5] =
    ["payment-method-made", "payment-intent-made", "payment-prepared", "payment-confirmed", "refund-made"];

/// Kills this process, as `kill -9` does, if the variable `FAILPOINTS` says `<name>=return`.
#[cfg(feature = "faults")]
pub fn point(name: &'static str) {
    static ARMED: std::sync::Once = std::sync::Once::new();
    ARMED.call_once(|| std::mem::forget(fail::FailScenario::setup()));
    fail::fail_point!(name, |_| {
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).ok();
    });
}

/// Does nothing.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point(_: &'static str) {}
