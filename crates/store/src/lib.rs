//! The store: a service's own database, where state and events change together.
//!
//! A [`Connection`] is a service; its handle, the [`Store`], runs [transactions](Store::transaction). An [`Outbox`]
//! records an event in the transaction that changes the state which the event reports; a [`Relay`] publishes committed
//! events. The effects of a [`Listener`](bus::Listener) and the note in the inbox that it has handled the event are one
//! transaction. A [`Projection`] keeps copies of another service's records. An [`Audit`] compares outboxes and stream.
//!
//! | collection | what it contains |
//! | --- | --- |
//! | `outbox` | the events of this service, [kept](KEPT_FOR) for a while after they were published |
//! | `inbox` | which events were handled, by queue group; kept for twice as long |
//! | `failures` | which events could not be handled yet, how often that failed, and why; kept as long |
//! | `waiting` | events that wait for an earlier one |

mod audit;
mod commits;
mod connection;
mod dates;
mod effects;
mod error;
mod handle;
mod ids;
mod inbox;
mod indexes;
mod limit;
mod outbox;
mod pending;
pub mod price;
mod projection;
mod readable;
mod relay;
mod reported;
mod servers;
mod settings;
mod transaction;
mod uri;
mod version;
mod waiting;

use std::time::Duration;

pub use audit::{Audit, Finding, Kind, Origin, Summary};
pub use connection::{Away, Connection, PromptConnection, connect};
pub use dates::time_of;
pub use error::{in_words, is_busy, is_duplicate, plainly, report};
pub use handle::Store;
pub use ids::new_id;
pub use limit::in_time;
pub use outbox::{Outbox, Outboxes};
pub use projection::{Outcome, Projected, Projection, Replay, ReplayStep, Replayed};
pub use readable::Direction;
pub use relay::Relay;
pub use settings::MongoSettings;
pub use transaction::{Aborted, Tx};
pub use uri::{DatabaseUri, InvalidUri};
pub use version::{Stale, Versioned, save};
pub use waiting::{WaitingCount, waiting_counts};

/// How long an event stays in the outbox after it was published, so that outbox and stream can be compared.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
