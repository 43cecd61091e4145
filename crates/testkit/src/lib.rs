//! The base of the tests: real servers on free ports, programs of this build, and a client that sends any bytes.
//!
//! For tests only; nothing of it is part of a program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod answer;
mod api;
mod broker;
mod collector;
mod database;
pub mod dump;
mod guarded_mongod;
pub mod guide;
mod lines;
mod mongod;
mod port;
mod process;
mod reading;
mod service_program;
mod settings;
mod stream;
mod subscriber;
mod websocket;

use std::time::Duration;

pub use answer::{Answer, field, message};
pub use api::{Api, KEY, SOMEBODY, no_sessions, session_for, session_of};
pub use broker::{Broker, Client, cluster, name};
pub use collector::{Collector, Span};
pub use database::Database;
pub use guarded_mongod::GuardedMongod;
pub use mongod::Mongod;
pub use port::free_port;
pub use process::{Ended, Process, programs};
pub use reading::Reading;
pub use service_program::ServiceProgram;
pub use settings::{course_environment, settings, without_settings};
pub use store::new_id;
pub use stream::{Stored, settled, stored};
pub use subscriber::{Subscriber, all_of_it, durable_group, listen, listen_to, unanswered};

pub use websocket::{Message, WebSocket};

/// The text of an id that no record has.
pub fn unknown_id() -> String {
    new_id::<events::kind::Any>().to_string()
}

/// Five times what anything in a test should take.
pub const LIMIT: Duration = Duration::from_secs(25);

/// Asks until the answer is yes.
///
/// # Panics
///
/// When it is not in time.
pub async fn until<F: Future<Output = bool>>(what: &str, question: impl FnMut() -> F) {
    until_in(LIMIT, what, question).await;
}

/// As [`until`], for what is much work, and no measure of anything.
///
/// # Panics
///
/// When it is not in time.
pub async fn until_in<F: Future<Output = bool>>(limit: Duration, what: &str, mut question: impl FnMut() -> F) {
    let ask = async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(limit, ask).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}
