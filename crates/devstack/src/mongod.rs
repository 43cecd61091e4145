//! mongod as a one-node replica set, as a service.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use serde_json::Value;
use service::{Error, Scope, Service};
use tokio::time::sleep;

use crate::folder::Folder;
use crate::process::{Process, check_free};

const REPLICA_SET: &str = "rs0";

/// The server's code for "this node belongs to no replica set yet" (`error_codes.yml` of mongod).
const NOT_YET_INITIALIZED: i32 = 94;

/// What a server answers that is just becoming primary or secondary: `PrimarySteppedDown`, `ConfigurationInProgress`,
/// `NotWritablePrimary`, `InterruptedDueToReplStateChange`.
const CHANGING_STATE: [i32; 4] = [189, 109, 10107, 11602];

/// A mongod on 127.0.0.1, the only member of its replica set, since transactions need one.
#[derive(Clone, Debug)]
pub struct Mongod {
    /// The binary, from [`find`](crate::find).
    pub binary: PathBuf,
    /// The folder of its databases and its log.
    pub data: PathBuf,
    /// The port for clients; 0 means any free one.
    pub port: u16,
}

/// Where a running mongod is. It is the primary, and takes writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MongodAddress {
    /// For clients: `mongodb://127.0.0.1:27017/?replicaSet=rs0`.
    pub uri: String,
    /// Its process.
    pub pid: u32,
}

impl Service for Mongod {
    type Handle = MongodAddress;

    async fn run(self, scope: Scope<MongodAddress>) -> Result<(), Error> {
        let Self { binary, data, port } = self;
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
            ["--replSet", REPLICA_SET],
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
        tokio::select! {
            writable = make_writable(port) => writable?,
            error = process.ended() => return Err(error),
            () = stopping.asked() => return process.stop().await,
        }
        scope.ready(MongodAddress { uri: format!("mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"), pid });
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

/// Makes it the primary of a replica set of one, at the port it has this time.
async fn make_writable(port: u16) -> Result<(), Error> {
    let host = format!("127.0.0.1:{port}");
    let mut options = ClientOptions::parse(format!("mongodb://{host}")).await?;
    options.direct_connection = Some(true);
    let client = Client::with_options(options)?;
    let admin = client.database("admin");
    loop {
        match is_writable(&admin, &host).await {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) if error.downcast_ref().is_some_and(is_passing) => {}
            Err(error) => return Err(error),
        }
        sleep(Duration::from_millis(10)).await;
    }
    client.shutdown().await;
    Ok(())
}

/// Whether it is the primary; does the next thing on the way there.
async fn is_writable(admin: &Database, host: &str) -> Result<bool, Error> {
    let member = doc! { "_id": 0, "host": host };
    match admin.run_command(doc! { "replSetGetConfig": 1 }).await {
        Ok(answer) => {
            let mut config = answer.get_document("config").context("the replica set's configuration")?.clone();
            if is_at(&config, host) {
                let hello = admin.run_command(doc! { "hello": 1 }).await?;
                return Ok(hello.get_bool("isWritablePrimary").unwrap_or(false));
            }
            let version = config.get_i32("version").context("the configuration's version")?;
            config.insert("version", version + 1);
            config.insert("members", vec![Bson::Document(member)]);
            let reconfigure = doc! { "replSetReconfig": config, "force": true };
            admin.run_command(reconfigure).await.context("moving the replica set to its new port")?;
        }
        Err(error) if code(&error) == Some(NOT_YET_INITIALIZED) => {
            let config = doc! { "_id": REPLICA_SET, "members": [member] };
            admin.run_command(doc! { "replSetInitiate": config }).await.context("making the replica set")?;
        }
        Err(error) => return Err(error).context("asking for the replica set"),
    }
    Ok(false)
}

/// Whether the error passes by itself: a server that changes its state closes its connections.
fn is_passing(error: &mongodb::error::Error) -> bool {
    match &*error.kind {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => true,
        ErrorKind::Command(error) => CHANGING_STATE.contains(&error.code),
        _ => false,
    }
}

fn is_at(config: &Document, host: &str) -> bool {
    let Ok(members) = config.get_array("members") else { return false };
    matches!(&members[..], [Bson::Document(member)] if member.get_str("host").is_ok_and(|at| at == host))
}

fn code(error: &mongodb::error::Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        _ => None,
    }
}
