//! The error of the bus: one type, which knows whether waiting can help.
//!
//! Services wait for a broker that is away, so every loop that tries again must know which errors are permanent. That
//! knowledge is part of the kinds themselves, in one `match` without a default: a new kind does not compile until it
//! says whether it is permanent. Publishing has an error of its own, [`PublishError`](crate::PublishError), since a caller
//! decides there about one message and not about the connection.

use std::error::Error as StdError;
use std::fmt;

use events::Subject;
use service::Failure;

use crate::Name;

type Source = Box<dyn StdError + Send + Sync>;

/// What the bus could not do: what kind of error it is, and what caused it.
///
/// `{}` prints the error alone, `{:#}` with its causes.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    source: Option<Source>,
}

/// What went wrong between this process and the broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// Nothing answers at the address of the server.
    #[error("no NATS server answers at {url} ({reason})")]
    Unreachable {
        /// The address, without a password.
        url: String,
        /// What happened when it was tried.
        reason: String,
    },
    /// The server does not accept the login, or the lack of one.
    #[error(
        "the NATS server at {url} refuses the login: write a right one into the URL, as nats://user:password@host:4222 or, \
         for a token, as nats://token@host:4222"
    )]
    LoginRefused {
        /// The address, without a password.
        url: String,
    },
    /// The server runs without JetStream.
    #[error("the NATS server runs without JetStream: start it with --jetstream and a --store_dir")]
    NoJetStream,
    /// The server is older than 2.12, which brought message schedules.
    #[error("the NATS server is version {version}, which is too old: install 2.12 or newer")]
    ServerTooOld {
        /// The version of the server.
        version: String,
    },
    /// Somebody else created one of our streams, in memory.
    #[error(
        "the stream {stream} is kept in memory, so a restart of the NATS server would lose its events: delete it with \
         `nats stream rm {stream}` and start this program again, which creates it on disk"
    )]
    StreamInMemory {
        /// The name of the stream.
        stream: String,
    },
    /// A stream needs more replicas than a server without a cluster can give it.
    #[error(
        "the stream {stream} needs {replicas} replicas, but this NATS server is not clustered: set NATS_REPLICAS=1, or \
         start the other servers"
    )]
    NotClustered {
        /// The name of the stream.
        stream: String,
        /// How many replicas it needs.
        replicas: usize,
    },
    /// The subjects of our stream belong to the stream of another cluster on this server.
    #[error(
        "the cluster id is {ours}, but this NATS server holds the events of cluster {theirs}: use that id, or another \
         server"
    )]
    OtherCluster {
        /// The cluster id of this process.
        ours: String,
        /// The name of the stream on the server.
        theirs: String,
    },
    /// A stream of another program has one of our subjects.
    #[error(
        "the stream {stream} of another program has the subject {subject}, which the events need: change the subjects of \
         that stream, or use another NATS server or an account of your own"
    )]
    SubjectTaken {
        /// The subject.
        subject: String,
        /// The name of the stream that has it.
        stream: String,
    },
    /// A stream of another program has the name of ours.
    #[error(
        "the stream {stream} belongs to another program (its subjects: {subjects}), so it was not changed: choose another \
         cluster id, or another NATS server"
    )]
    NotOurStream {
        /// The name of the stream.
        stream: String,
        /// Its subjects.
        subjects: String,
    },
    /// A read-only connection found no stream.
    #[error(
        "this NATS server has no stream {stream}: no service has used that cluster id here, or this is not the server of \
         the services"
    )]
    NoStream {
        /// The name of the stream.
        stream: String,
    },
    /// A consumer of the same name is for another subject.
    #[error("the consumer {consumer} exists already, for the subject {subject}: choose another group or durable name")]
    OtherSubject {
        /// The name of the consumer.
        consumer: String,
        /// The subject that it is for.
        subject: String,
    },
    /// Somebody has given a consumer of ours a setting with which events would be lost or not arrive.
    #[error(
        "somebody has changed the consumer {consumer} of the stream {stream}: {setting}; change that back, or delete the \
         consumer, which is then created again"
    )]
    ConsumerChanged {
        /// The name of the stream.
        stream: String,
        /// The name of the consumer.
        consumer: String,
        /// What it does now, in words.
        setting: String,
    },
    /// Another live process uses this client id.
    #[error("client ID already registered: a live process uses {client_id}; choose another id, or stop that process")]
    AlreadyRegistered {
        /// The client id.
        client_id: Name,
    },
    /// Another process took over the client id of this one, because this one did not answer it.
    #[error(
        "client has been replaced: another process took over the client ID {client_id} while this one did not answer"
    )]
    Displaced {
        /// The client id.
        client_id: Name,
    },
    /// Two listeners of one process have the same group and subject, so each would see only some of the events.
    #[error(
        "{first} and {second} both listen to {subject} for the group {group}, so each would miss what the other gets: \
         give one of them a group of its own, or do the work of both in one"
    )]
    ListenedTwice {
        /// The subject of both.
        subject: Subject,
        /// The queue group of both.
        group: Name,
        /// The type of the listener that was there first.
        first: &'static str,
        /// The type of the listener that came second.
        second: &'static str,
    },
    /// This process closed its connection.
    #[error("the connection to NATS was closed")]
    Closed,
    /// The broker did not answer a request, or answered it with an error that may pass.
    #[error("failed to {action}")]
    Request {
        /// What was asked for: "look up the stream ticketing".
        action: String,
    },
}

impl ErrorKind {
    /// The kind of bus error that a service ended with, if it was one.
    pub fn of(error: &service::Error) -> Option<&Self> {
        Failure::cause::<Error>(error).map(Error::kind)
    }

    /// Whether waiting and trying again can't help.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Request { .. } => false,
            Self::LoginRefused { .. }
            | Self::NoJetStream
            | Self::ServerTooOld { .. }
            | Self::StreamInMemory { .. }
            | Self::NotClustered { .. }
            | Self::OtherCluster { .. }
            | Self::SubjectTaken { .. }
            | Self::NotOurStream { .. }
            | Self::ConsumerChanged { .. }
            | Self::NoStream { .. }
            | Self::OtherSubject { .. }
            | Self::AlreadyRegistered { .. }
            | Self::Displaced { .. }
            | Self::ListenedTwice { .. }
            | Self::Closed => true,
        }
    }
}

impl Error {
    /// The broker did not do what `action` names: "look up the stream ticketing".
    pub(crate) fn request(action: impl Into<String>, source: impl Into<Source>) -> Self {
        Self { kind: ErrorKind::Request { action: action.into() }, source: Some(source.into()) }
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Whether waiting and trying again can't help.
    pub fn is_permanent(&self) -> bool {
        self.kind.is_permanent()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.source() {
            Some(source) if f.alternate() => write!(f, ": {}", chain(source)),
            _ => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An error and its causes in one line; what an error says of its cause itself is not repeated.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let reason = source.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = source.source();
    }
    text
}
