//! The two streams of a cluster: the events, and the dead letters.
//!
//! Decided, and why:
//!
//! * **One stream for all events**, named after the cluster id. One sequence gives every event a position that a reader can
//!   resume from, and the name makes a server that belongs to another cluster a clear error. Its subjects are listed one by
//!   one: `ticket:*` would be a literal, since NATS separates tokens with dots.
//! * **Dead letters are a stream of their own**, so that a reader of the events never meets one, and a letter can be deleted
//!   when it is redriven. Letters of all groups share it, under `dead-letter.<group>.<subject>`.
//! * **Schedules are in the stream of the events**, under `schedule.>`, because the server lets a schedule publish only into
//!   the stream that stores it.
//! * **Every connection creates or updates both** when it opens, unless it is read-only. An update changes what the events
//!   need and nothing else: an operator's limits stay, and subjects and replicas are only ever added, since an older program
//!   must not take away what a newer one needs, and a tool does not know how many replicas there should be.
//! * **A stream is ours if it has our description or all our subjects.** Any other stream is never changed, whatever its name.
//! * **On disk, or not at all.** A stream in memory would lose events with the server, so it is refused.
//! * Message ids are remembered for two minutes, longer than any publish is tried, so a repeated publish is stored once.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamErrorKind, GetStreamByNameErrorKind, GetStreamError, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{Config, Info, StorageType};
use events::Subject;

use crate::{Bus, Error, ErrorKind, Name, Streams};

/// The oldest server that is compatible: 2.12 brought message schedules.
const MIN_SERVER_VERSION: (i64, i64) = (2, 12);

/// How long the server remembers a message id, so that a repeated publish is stored once.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The first token of the subjects that dead letters are published on: `dead-letter.<group>.<subject>`.
pub(crate) const DEAD_LETTER: &str = "dead-letter";

/// The subjects that hold events until their time has come.
const SCHEDULES: &str = "schedule.>";

/// Checks whether the server is compatible.
pub(crate) fn check_server(bus: &Bus) -> Result<(), Error> {
    let info = bus.client().server_info();
    if !bus.client().is_server_compatible(MIN_SERVER_VERSION.0, MIN_SERVER_VERSION.1, 0) {
        return Err(ErrorKind::ServerTooOld { version: info.version }.into());
    }
    if !info.jetstream {
        return Err(ErrorKind::NoJetStream.into());
    }
    Ok(())
}

/// Creates the streams, or updates them, or checks that they exist, as the connection says.
pub(crate) async fn ensure(bus: &Bus) -> Result<(), Error> {
    match bus.streams() {
        Streams::Kept => {}
        Streams::Required => return find(bus).await,
        Streams::Unused => return Ok(()),
    }
    for config in [events(bus), dead_letters(bus)] {
        create_or_update(bus, config).await?;
    }
    Ok(())
}

fn events(bus: &Bus) -> Config {
    Config {
        name: bus.cluster_id().to_string(),
        description: Some("the events of this cluster".to_owned()),
        subjects: Subject::ALL.map(Subject::as_str).into_iter().chain([SCHEDULES]).map(str::to_owned).collect(),
        allow_message_schedules: true,
        allow_direct: true,
        storage: StorageType::File,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}

fn dead_letters(bus: &Bus) -> Config {
    Config {
        name: dead_letter_stream(bus.cluster_id()),
        description: Some("messages that a queue group could not handle".to_owned()),
        subjects: vec![format!("{DEAD_LETTER}.>")],
        storage: StorageType::File,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}

async fn create_or_update(bus: &Bus, wanted: Config) -> Result<(), Error> {
    let stream = wanted.name.clone();
    let existing = config_of(bus, &stream).await?;
    if let Some(existing) = &existing {
        if !is_ours(existing, &wanted) {
            return Err(ErrorKind::NotOurStream { stream, subjects: existing.subjects.join(", ") }.into());
        }
        if existing.storage == StorageType::Memory {
            return Err(ErrorKind::StreamInMemory { stream }.into());
        }
    }
    let replicas = replicas(bus, existing.as_ref());
    let ours = wanted.subjects.clone();
    let config = match existing.clone() {
        Some(existing) => with_what_is_needed(existing, wanted, replicas),
        None => Config { num_replicas: replicas, ..wanted },
    };
    if existing.as_ref() == Some(&config) {
        return Ok(());
    }
    let Err(error) = bus.jetstream().create_or_update_stream(config).await else { return Ok(()) };
    let code = match error.kind() {
        CreateStreamErrorKind::JetStream(answer) => Some(answer.error_code()),
        _ => None,
    };
    if code == Some(ErrorCode::STREAM_SUBJECT_OVERLAP) {
        check_others(bus, &stream, &ours).await?;
    }
    if code == Some(ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED) {
        return Err(ErrorKind::NotClustered { stream, replicas }.into());
    }
    Err(Error::request(format!("create the stream {stream}"), error))
}

/// Whether a stream is one that we have created, however its limits were changed since.
fn is_ours(stream: &Config, wanted: &Config) -> bool {
    stream.description == wanted.description || wanted.subjects.iter().all(|subject| stream.subjects.contains(subject))
}

/// An existing stream with what the events need. Subjects are only added: a newer program may have some that this one does
/// not know.
fn with_what_is_needed(existing: Config, wanted: Config, replicas: usize) -> Config {
    let mut subjects = existing.subjects.clone();
    subjects.extend(wanted.subjects.into_iter().filter(|subject| !existing.subjects.contains(subject)));
    Config {
        subjects,
        num_replicas: replicas,
        allow_message_schedules: existing.allow_message_schedules || wanted.allow_message_schedules,
        allow_direct: existing.allow_direct || wanted.allow_direct,
        duplicate_window: existing.duplicate_window.max(wanted.duplicate_window),
        ..existing
    }
}

async fn find(bus: &Bus) -> Result<(), Error> {
    let Some(stream) = missing(bus).await? else { return Ok(()) };
    let config = events(bus);
    match check_others(bus, &config.name, &config.subjects).await {
        Err(error) if matches!(error.kind(), ErrorKind::OtherCluster { .. }) => Err(error),
        _ => Err(ErrorKind::NoStream { stream }.into()),
    }
}

/// The first of our streams that does not exist.
async fn missing(bus: &Bus) -> Result<Option<String>, Error> {
    for stream in [bus.cluster_id().to_string(), dead_letter_stream(bus.cluster_id())] {
        if config_of(bus, &stream).await?.is_none() {
            return Ok(Some(stream));
        }
    }
    Ok(None)
}

/// Checks that none of our subjects belongs to another stream.
async fn check_others(bus: &Bus, ours: &str, subjects: &[String]) -> Result<(), Error> {
    for subject in subjects {
        let Ok(theirs) = bus.jetstream().stream_by_subject(subject.as_str()).await else { continue };
        if theirs == ours {
            continue;
        }
        let is_cluster = config_of(bus, &theirs).await?.is_some_and(|stream| is_ours(&stream, &events(bus)));
        return Err(Error::from(if is_cluster {
            ErrorKind::OtherCluster { ours: bus.cluster_id().to_string(), theirs }
        } else {
            ErrorKind::SubjectTaken { subject: subject.clone(), stream: theirs }
        }));
    }
    Ok(())
}

/// Whether the broker answers that no stream has this subject.
pub(crate) async fn is_nowhere(bus: &Bus, subject: &str) -> bool {
    let found = bus.jetstream().stream_by_subject(subject).await;
    found.is_err_and(|error| error.kind() == GetStreamByNameErrorKind::NotFound)
}

/// Creates the streams again that somebody has deleted.
pub(crate) async fn restore(bus: &Bus) -> Result<(), Error> {
    if bus.streams() == Streams::Unused {
        return Ok(());
    }
    let Some(stream) = missing(bus).await? else { return Ok(()) };
    tracing::warn!(stream, "stream deleted, creating it again; an audit finds the events that are lost");
    ensure(bus).await
}

/// Whether there is no stream of the name that was looked up.
pub fn is_not_found(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(answer) if answer.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// What the server knows of a stream that must exist.
pub(crate) async fn info(bus: &Bus, stream: &str) -> Result<Info, Error> {
    match bus.jetstream().get_stream(stream).await {
        Ok(found) => Ok(found.cached_info().clone()),
        Err(error) => Err(Error::request(format!("look up the stream {stream}"), error)),
    }
}

/// The configuration of a stream, if it exists.
pub(crate) async fn config_of(bus: &Bus, stream: &str) -> Result<Option<Config>, Error> {
    match bus.jetstream().get_stream(stream).await {
        Ok(found) => Ok(Some(found.cached_info().config.clone())),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(Error::request(format!("look up the stream {stream}"), error)),
    }
}

/// How many replicas a stream gets: not fewer than it has, since a tool does not know how many there should be.
pub(crate) fn replicas(bus: &Bus, existing: Option<&Config>) -> usize {
    existing.map_or(0, |existing| existing.num_replicas).max(bus.replicas())
}

/// The name of the stream with the dead letters of a cluster.
pub fn dead_letter_stream(cluster_id: &Name) -> String {
    format!("{cluster_id}-dead-letters")
}
