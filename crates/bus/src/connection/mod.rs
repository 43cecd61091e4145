//! The connection to the broker.
//!
//! [`Connection`] is a service: `dial` opens the TCP connection, `open` checks the server, creates the streams and watches
//! over both, and `connect` is what the services call: a connection from their settings, and a registered client id.

mod connect;
mod dial;
mod open;

pub use connect::connect;

use crate::{Name, ServerUrl};

/// A connection to the broker; its handle is the [`Bus`](crate::Bus).
///
/// It is ready when the server has proved compatible and the streams exist. A lost connection is restored, however long that
/// takes, and so are [streams](Streams) that somebody deletes; until then, the connection of a service is shown as waiting. On stop it
/// sends what is left to send and closes.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The address of the server.
    pub url: ServerUrl,
    /// The cluster whose events these are; it names the stream.
    pub cluster_id: Name,
    /// The name of this process, also on the server's monitoring pages.
    pub client_id: Name,
    /// On how many servers of a NATS cluster every event is stored, at least: 1, 3 or 5.
    pub replicas: u8,
    /// What happens if no server answers at first.
    pub if_absent: IfAbsent,
    /// What it does about the streams of the events and the dead letters.
    pub streams: Streams,
}

/// What a [`Connection`] does if no server answers at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfAbsent {
    /// It ends with [`Unreachable`](crate::ErrorKind::Unreachable): for command-line tools.
    Fail,
    /// It waits, and is not ready until a server answers: for services. Start it with
    /// [`wait_until_ready`](service::Child::wait_until_ready).
    Wait,
}

/// What a [`Connection`] does about the streams of the events and the dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// It creates and updates them, and creates them again when somebody deletes them.
    Kept,
    /// It changes nothing. A missing stream is an error, [`NoStream`](crate::ErrorKind::NoStream).
    Required,
    /// It needs none of them: for what exchanges no events.
    Unused,
}

impl Connection {
    /// A connection for a command-line tool, which leaves the number of replicas as it is.
    pub fn new(url: ServerUrl, cluster_id: Name, client_id: Name) -> Self {
        Self { url, cluster_id, client_id, replicas: 1, if_absent: IfAbsent::Fail, streams: Streams::Kept }
    }
}
