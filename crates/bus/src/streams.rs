//! The two streams: the events, and the dead letters.

use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, StorageType};
use service::Error;

use crate::{Bus, Name};
use events::Subject;

/// The oldest server that will do: 2.12 brought message schedules.
const OLDEST: (i64, i64) = (2, 12);

/// How long the server knows a message id, so that a repeated publish is stored once.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Where dead letters are published: `dead-letter.<group>.<subject>`.
pub(crate) const DEAD_LETTER: &str = "dead-letter";

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

/// A stream of ours is there, or would be, in a way that loses events.
#[derive(Debug, thiserror::Error)]
pub enum UnfitStream {
    /// Somebody made it before us, in memory.
    #[error(
        "the stream {0} is kept in memory, so that a restart of the NATS server loses it: delete it, and start this \
         program again, which makes it anew on the disk (nats stream rm {0})"
    )]
    InMemory(String),
    /// The server stands alone.
    #[error(
        "the stream {stream} shall have {replicas} replicas, and this NATS server is no cluster: set NATS_REPLICAS=1, \
         or start the others"
    )]
    NoCluster {
        /// Its name.
        stream: String,
        /// How many servers it was to be on.
        replicas: usize,
    },
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

/// A stream is not there that a tool came to look at.
#[derive(Debug, thiserror::Error)]
#[error("this NATS server has no stream {0}: no service of that cluster id has been here, or it is another server's")]
pub struct NoStream(String);

/// Whether the server can do what we need.
pub(crate) async fn check(bus: &Bus) -> Result<(), UnfitServer> {
    let info = bus.client().server_info();
    if !bus.client().is_server_compatible(OLDEST.0, OLDEST.1, 0) {
        return Err(UnfitServer::TooOld(info.version));
    }
    if !info.jetstream {
        return Err(UnfitServer::NoJetStream);
    }
    Ok(())
}

/// Makes the streams, or brings them up to date; for one who only looks, sees that they are there.
pub(crate) async fn ensure(bus: &Bus) -> Result<(), Error> {
    if bus.only_looks() {
        return find(bus).await;
    }
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
        let there = config_of(bus, &name).await?;
        if there.as_ref().is_some_and(|there| there.storage == StorageType::Memory) {
            return Err(UnfitStream::InMemory(name).into());
        }
        config.num_replicas = replicas(bus, there.as_ref());
        // Subjects are only added: a newer program may have some that this one does not know.
        let others = there.into_iter().flat_map(|there| there.subjects);
        let others: Vec<_> = others.filter(|subject| !config.subjects.contains(subject)).collect();
        config.subjects.extend(others);
        let replicas = config.num_replicas;
        let made = bus.jetstream().create_or_update_stream(config).await;
        let Err(error) = made else { continue };
        let refused = match error.kind() {
            CreateStreamErrorKind::JetStream(said) => Some(said.error_code()),
            _ => None,
        };
        if refused == Some(ErrorCode::STREAM_SUBJECT_OVERLAP) {
            belongs_to_nobody_else(bus, subject).await?;
        }
        if refused == Some(ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED) {
            return Err(UnfitStream::NoCluster { stream: name, replicas }.into());
        }
        return Err(error).context(format!("making the stream {name}"));
    }
    Ok(())
}

async fn find(bus: &Bus) -> Result<(), Error> {
    let Some(stream) = missing(bus).await? else { return Ok(()) };
    belongs_to_nobody_else(bus, Subject::ALL[0].to_string()).await?;
    Err(NoStream(stream).into())
}

/// The first of our streams that is not there.
async fn missing(bus: &Bus) -> Result<Option<String>, Error> {
    for name in [bus.cluster_id().to_string(), dead_letter_stream(bus.cluster_id())] {
        if config_of(bus, &name).await?.is_none() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

async fn belongs_to_nobody_else(bus: &Bus, subject: String) -> Result<(), OtherCluster> {
    match bus.jetstream().stream_by_subject(subject).await {
        Ok(theirs) if theirs != bus.cluster_id().as_str() => {
            Err(OtherCluster { ours: bus.cluster_id().to_string(), theirs })
        }
        _ => Ok(()),
    }
}

/// Makes the streams that are gone.
pub(crate) async fn look_after(bus: &Bus) -> Result<(), Error> {
    let Some(stream) = missing(bus).await? else { return Ok(()) };
    tracing::warn!(stream, "the stream is gone, and is made again; an audit tells what it has lost");
    ensure(bus).await
}

pub(crate) fn is_not_found(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// How a stream is, if it is there.
pub(crate) async fn config_of(bus: &Bus, stream: &str) -> Result<Option<Config>, Error> {
    match bus.jetstream().get_stream(stream).await {
        Ok(there) => Ok(Some(there.cached_info().config.clone())),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("asking for the stream {stream}")),
    }
}

/// On how many servers a stream belongs: replicas are only added, since a tool does not know how many there should be.
pub(crate) fn replicas(bus: &Bus, there: Option<&Config>) -> usize {
    there.map_or(0, |there| there.num_replicas).max(bus.replicas())
}

/// The stream with the dead letters of a cluster.
pub fn dead_letter_stream(cluster_id: &Name) -> String {
    format!("{cluster_id}-dead-letters")
}
