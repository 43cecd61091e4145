//! Messages that a queue group could not handle.

mod attempt;
mod headers;
mod letter;
mod redrive;
mod store;

pub use self::attempt::{FailedAttempt, Failures};
pub use self::letter::DeadLetter;
pub use self::redrive::NotRedriven;
