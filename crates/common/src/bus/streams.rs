//! The two streams: the events, and the dead letters.

use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::stream::{Config, StorageType};
use service::Error;

use super::{Bus, Name};
use crate::events::Subject;

/// The oldest server that will do: 2.12 brought message schedules.
const OLDEST: (i64, i64) = (2, 12);

/// How long the server knows a message id, so that a repeated publish is stored once.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Where dead letters are published: `dead-letter.<group>.<subject>`.
pub(super) const DEAD_LETTER: &str = "dead-letter";

/// Where events wait that are published later. In the stream of the events, since a schedule can't reach another one.
const SCHEDULES: &str = "schedule.>";

/// The server is there, and will not do.
#[derive(Debug, thiserror::Error)]
pub enum UnfitServer {
    /// It runs without JetStream.
    #[error("the NATS server runs without JetStream: start it with --jetstream and a --store_dir")]
    NoJetStream,
    /// It is older than 2.12.
    #[error("the NATS server is version {0}, which is too old: install 2.12 or newer")]
    TooOld(String),
}

/// The subjects of this cluster's stream belong to another cluster's on this server.
#[derive(Debug, thiserror::Error)]
#[error(
    "the cluster id is {ours}, but this NATS server holds the events of cluster {theirs}: use that id, or another server"
)]
pub struct OtherCluster {
    /// The id we came with.
    pub ours: String,
    /// The id of the stream that is there.
    pub theirs: String,
}

/// Whether the server can do what we need.
pub(super) async fn check(bus: &Bus) -> Result<(), UnfitServer> {
    let info = bus.client().server_info();
    if !bus.client().is_server_compatible(OLDEST.0, OLDEST.1, 0) {
        return Err(UnfitServer::TooOld(info.version));
    }
    if !info.jetstream {
        return Err(UnfitServer::NoJetStream);
    }
    Ok(())
}

/// Makes the streams, or brings them up to date.
pub(super) async fn ensure(bus: &Bus) -> Result<(), Error> {
    let events = Config {
        name: bus.cluster_id().to_string(),
        description: Some("the events of this cluster".to_owned()),
        subjects: Subject::ALL.map(Subject::as_str).into_iter().chain([SCHEDULES]).map(str::to_owned).collect(),
        allow_message_schedules: true,
        storage: StorageType::File,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    };
    let dead_letters = Config {
        name: dead_letter_stream(bus.cluster_id()),
        description: Some("messages that a queue group could not handle".to_owned()),
        subjects: vec![format!("{DEAD_LETTER}.>")],
        storage: StorageType::File,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    };
    for mut config in [events, dead_letters] {
        let (name, subject) = (config.name.clone(), config.subjects[0].clone());
        // Subjects are only added: a newer program may have some that this one does not know.
        if let Ok(there) = bus.jetstream().get_stream(&name).await {
            let others = there.cached_info().config.subjects.iter();
            let others: Vec<_> = others.filter(|subject| !config.subjects.contains(subject)).cloned().collect();
            config.subjects.extend(others);
        }
        let made = bus.jetstream().create_or_update_stream(config).await;
        if let Err(error) = made {
            if let CreateStreamErrorKind::JetStream(said) = error.kind()
                && said.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP
                && let Ok(theirs) = bus.jetstream().stream_by_subject(subject).await
            {
                return Err(OtherCluster { ours: bus.cluster_id().to_string(), theirs }.into());
            }
            return Err(error).context(format!("making the stream {name}"));
        }
    }
    Ok(())
}

pub(super) fn dead_letter_stream(cluster_id: &Name) -> String {
    format!("{cluster_id}-dead-letters")
}
