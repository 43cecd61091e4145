//! mongod as a member of a replica set, as a service.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use service::{Error, Scope, Service};
use tokio::time::sleep;

use crate::folder::Folder;
use crate::process::{Process, check_free};
use crate::replica_set::{self, ReplicaSet};

/// A mongod on 127.0.0.1: a replica set of its own, since transactions need one, or a member of a larger one.
#[derive(Clone, Debug)]
pub struct Mongod {
    /// The binary, from [`find`](crate::find).
    pub binary: PathBuf,
    /// The folder of its databases and its log.
    pub data: PathBuf,
    /// The port for clients; 0 means any free one.
    pub port: u16,
    /// The ports of all members of its replica set, this one's too; none when it is the only one. The first of them makes
    /// the set, once all are there.
    pub members: Vec<u16>,
}

/// Where a running mongod is. If it is the only one, it is the primary, and takes writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MongodAddress {
    /// For clients: `mongodb://127.0.0.1:27017/?replicaSet=rs0`, with all members.
    pub uri: String,
    /// Its process.
    pub pid: u32,
}

impl Mongod {
    /// The only member of its replica set, on any port that is free.
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
        let (data, log_path) = (folder.path.display().to_string(), log.display().to_string());
        let port = port.to_string();
        let arguments = [
            ["--dbpath", &data],
            ["--logpath", &log_path],
            ["--bind_ip", "127.0.0.1"],
            ["--port", &port],
            ["--replSet", replica_set::NAME],
            ["--wiredTigerCacheSizeGB", "0.25"],
            // A lone primary has nobody to hand over to, so a stop need not wait for that (default 15 s).
            ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"],
            // What a killed client has left open keeps its records locked for so long (default 60 s).
            ["--setParameter", "transactionLifetimeLimitSeconds=10"],
        ];
        let mut arguments = arguments.concat();
        arguments.extend(["--logappend", "--nounixsocket"]);
        let mut process = Process::spawn(&binary, &arguments, &folder, log).await?;

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
        scope.ready(MongodAddress { uri: set.uri(), pid });
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
