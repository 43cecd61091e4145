//! mongod as a member of a replica set, as a service.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use service::{Error, Scope, Service};
use tokio::time::sleep;

use crate::folder::Folder;
use crate::process::{Process, check_free};
use crate::replica_set::{self, ReplicaSet};

/// A mongod on 127.0.0.1: the only member of a replica set, which transactions need, or one of several members.
#[derive(Clone, Debug)]
pub struct Mongod {
    /// The binary, from [`find`](crate::find).
    pub binary: PathBuf,
    /// The folder of its databases and log.
    pub data: PathBuf,
    /// The port for clients; 0 means any free one.
    pub port: u16,
    /// The ports of all members of its replica set, its own included; empty for a single member. The first member
    /// initiates the set, when all of them are reachable.
    pub members: Vec<u16>,
}

/// The address of a running mongod. A single member is the primary and accepts writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MongodAddress {
    /// URI for clients, with all members: `mongodb://127.0.0.1:27017/?replicaSet=rs0`.
    pub uri: String,
    /// Its own port.
    pub port: u16,
    /// Process id.
    pub pid: u32,
}

impl Mongod {
    /// The single member of its replica set, on a free port.
    pub fn on_a_free_port(binary: PathBuf, data: PathBuf) -> Self {
        Self { binary, data, port: 0, members: Vec::new() }
    }
}

impl Service for Mongod {
    type Handle = MongodAddress;

    async fn run(self, scope: Scope<MongodAddress>) -> Result<(), Error> {
        let Self { binary, data, port, members } = self;
        let folder = Folder::claim(&data).await?;
        check_free(port)?;
        let log = folder.path.join("mongod.log");
        let port = port.to_string();
        let mut arguments = vec!["--dbpath".into(), folder.path.clone().into(), "--logpath".into(), log.clone().into()];
        let options = [
            ["--bind_ip", "127.0.0.1"],
            ["--port", &port],
            ["--replSet", replica_set::NAME],
            ["--wiredTigerCacheSizeGB", "0.25"],
            // A single member has no other to hand over to, so a stop need not wait for that (default 15 s).
            ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"],
            // The open transaction of a killed client keeps its records locked for this long (default 60 s).
            ["--setParameter", "transactionLifetimeLimitSeconds=10"],
            ["--logappend", "--nounixsocket"],
        ];
        arguments.extend(options.concat().into_iter().map(OsString::from));
        let mut process = Process::spawn(&binary, &arguments, &folder, log)?;

        let stopping = scope.stopping();
        let pid = process.pid();
        let port = loop {
            if let Some(port) = listening(&process.logged()) {
                break port;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(10)) => {}
                error = process.ended() => return Err(error),
                () = stopping.asked() => return process.stop().await,
            }
        };
        let set = ReplicaSet::of(port, &members);
        tokio::select! {
            belongs = set.belongs() => belongs?,
            error = process.ended() => return Err(error),
            () = stopping.asked() => return process.stop().await,
        }
        scope.ready(MongodAddress { uri: set.uri(), port, pid });
        tokio::select! {
            error = process.ended() => Err(error),
            () = stopping.asked() => process.stop().await,
        }
    }
}

/// The port in the log line "Waiting for connections"; a mongod log is a JSON document a line.
fn listening(logged: &str) -> Option<u16> {
    let line = logged.lines().find(|line| line.contains("\"Waiting for connections\""))?;
    let line: Value = serde_json::from_str(line).ok()?;
    line["attr"]["port"].as_u64()?.try_into().ok()
}
