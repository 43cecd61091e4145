//! Why no server takes writes: the last problem of each server of the database.
//!
//! The driver's error for "no server was found" lists all that it knows of all servers. The one reason that helps is in the
//! answers to its heartbeats, so they are watched.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::Document;
use mongodb::error::{Error, ErrorKind};
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::{ClientOptions, ServerAddress, Tls};

use crate::error::plain;

/// The last problem of each server, by its address. Cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers(Arc<Mutex<BTreeMap<String, String>>>);

impl Servers {
    /// The servers of a client with these options.
    pub(crate) fn watch(options: &mut ClientOptions) -> Self {
        let servers = Self::default();
        let (noted, replica_set) = (servers.clone(), options.repl_set_name.clone());
        let has_tls = matches!(options.tls, Some(Tls::Enabled(_)));
        options.sdam_event_handler = Some(EventHandler::callback(move |event| match event {
            SdamEvent::ServerHeartbeatSucceeded(event) => {
                noted.note(&event.server_address, problem_of_member(&event.reply, replica_set.as_deref()));
            }
            SdamEvent::ServerHeartbeatFailed(event) => {
                noted.note(&event.server_address, Some(problem_of_connection(&event.failure, has_tls)));
            }
            _ => {}
        }));
        servers
    }

    /// An error in words, with the reasons if no server was found.
    pub(crate) fn plain(&self, error: &Error) -> String {
        match (&*error.kind, self.reasons()) {
            (ErrorKind::ServerSelection { .. }, Some(reasons)) => format!("{}: {reasons}", plain(error)),
            _ => plain(error),
        }
    }

    /// The problem of each server that has one.
    pub(crate) fn reasons(&self) -> Option<String> {
        let servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let problems: Vec<_> = servers.iter().map(|(address, problem)| format!("{address}: {problem}")).collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }

    fn note(&self, address: &ServerAddress, problem: Option<String>) {
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = match address {
            ServerAddress::Tcp { host, port } if host.contains(':') => format!("[{host}]:{}", port.unwrap_or(27017)),
            address => address.to_string(),
        };
        match problem {
            Some(problem) => servers.insert(address, problem),
            None => servers.remove(&address),
        };
    }
}

/// Why a server that answers does not take writes.
fn problem_of_member(hello: &Document, wanted: Option<&str>) -> Option<String> {
    let is_primary = hello.get_bool("isWritablePrimary").or_else(|_| hello.get_bool("ismaster")).unwrap_or(false);
    match (hello.get_str("setName").ok(), wanted) {
        (Some(set), Some(wanted)) if set != wanted => {
            Some(format!("it belongs to the replica set {set}, not to {wanted}: write replicaSet={set} in the URI"))
        }
        (None, Some(wanted)) => Some(format!("it does not belong to the replica set {wanted} yet, or to none")),
        _ if is_primary => None,
        _ => Some("it is not the primary of its replica set".to_owned()),
    }
}

/// Why a server can't be reached, and what to check.
fn problem_of_connection(error: &Error, has_tls: bool) -> String {
    let problem = plain(error);
    let check = match &*error.kind {
        ErrorKind::Io(_) if problem.contains("UnknownIssuer") => "; name the file of its CA: tlsCAFile=FILE in the URI",
        ErrorKind::Io(error) if !is_broken_off(error.kind()) || problem.contains("certificate") => "",
        ErrorKind::Io(_) if has_tls => "; if it does not speak TLS, remove tls=true from the URI",
        ErrorKind::Io(_) => "; if it demands TLS, add tls=true to the URI",
        _ => "",
    };
    format!("{problem}{check}")
}

/// Whether the server has ended the connection, or does not speak the protocol.
fn is_broken_off(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::InvalidData
    )
}
