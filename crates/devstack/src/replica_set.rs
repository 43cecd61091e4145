//! How a mongod joins its replica set.

use std::time::Duration;

use anyhow::Context;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use service::Error;
use tokio::time::sleep;

pub(crate) const NAME: &str = "rs0";

/// The server's code for "this node belongs to no replica set yet" (`error_codes.yml` of mongod).
const NOT_YET_INITIALIZED: i32 = 94;

/// The codes of a server that is becoming primary or secondary, or does not reach the other members yet:
/// `PrimarySteppedDown`, `ConfigurationInProgress`, `NotWritablePrimary`, `InterruptedDueToReplStateChange`,
/// `NodeNotFound`, and `AlreadyInitialized`, of one that is still reading the configuration of its set, and has just answered
/// that it belongs to none.
const CHANGING_STATE: [i32; 6] = [189, 109, 10107, 11602, 74, 23];

/// How long the members wait for a silent primary before they elect another, in milliseconds; a fifth of the default.
const ELECTION_TIMEOUT_MS: i32 = 2000;

/// A replica set, as one of its members sees it.
#[derive(Debug)]
pub(crate) struct ReplicaSet {
    ours: String,
    members: Vec<String>,
}

impl ReplicaSet {
    /// The replica set of the members at these ports, or of `port` alone.
    pub(crate) fn of(port: u16, members: &[u16]) -> Self {
        let host = |port: &u16| format!("127.0.0.1:{port}");
        let members = if members.is_empty() { &[port] } else { members };
        Self { ours: host(&port), members: members.iter().map(host).collect() }
    }

    pub(crate) fn uri(&self) -> String {
        format!("mongodb://{}/?replicaSet={NAME}", self.members.join(","))
    }

    /// Waits until this member accepts writes; one of several members is also done as a secondary.
    pub(crate) async fn belongs(&self) -> Result<(), Error> {
        let mut options = ClientOptions::parse(format!("mongodb://{}", self.ours)).await?;
        options.direct_connection = Some(true);
        let client = Client::with_options(options)?;
        let admin = client.database("admin");
        loop {
            match self.is_member(&admin).await {
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

    /// Whether this member has joined; takes the next step towards it.
    async fn is_member(&self, admin: &Database) -> Result<bool, Error> {
        match admin.run_command(doc! { "replSetGetConfig": 1 }).await {
            Ok(answer) => {
                let mut config =
                    answer.get_document("config").context("the replica set returned no configuration")?.clone();
                if self.has_moved(&config) {
                    let version =
                        config.get_i32("version").context("the configuration of the replica set has no version")?;
                    config.insert("version", version + 1);
                    config.insert("members", self.members());
                    let reconfigure = doc! { "replSetReconfig": config, "force": true };
                    admin.run_command(reconfigure).await.context("failed to move the replica set to its new port")?;
                    return Ok(false);
                }
                let hello = admin.run_command(doc! { "hello": 1 }).await?;
                let is = |what| hello.get_bool(what).unwrap_or(false);
                Ok(is("isWritablePrimary") || (self.members.len() > 1 && is("secondary")))
            }
            Err(error) if code(&error) == Some(NOT_YET_INITIALIZED) => {
                if self.members.first() == Some(&self.ours) {
                    let settings = doc! { "electionTimeoutMillis": ELECTION_TIMEOUT_MS };
                    let config = doc! { "_id": NAME, "members": self.members(), "settings": settings };
                    admin
                        .run_command(doc! { "replSetInitiate": config })
                        .await
                        .context("failed to initiate the replica set")?;
                }
                Ok(false)
            }
            Err(error) => Err(error).context("failed to read the configuration of the replica set"),
        }
    }

    fn members(&self) -> Vec<Bson> {
        let members = (0i32..).zip(&self.members).map(|(id, host)| doc! { "_id": id, "host": host });
        members.map(Bson::Document).collect()
    }

    /// Whether this is the single member, and its port differs from the one in the configuration.
    fn has_moved(&self, config: &Document) -> bool {
        let Ok(members) = config.get_array("members") else { return true };
        let is_at =
            |member: &Bson| member.as_document().and_then(|member| member.get_str("host").ok()) == Some(&self.ours);
        self.members.len() == 1 && !matches!(&members[..], [member] if is_at(member))
    }
}

/// Whether the error is temporary: a server that changes its state closes its connections.
fn is_passing(error: &mongodb::error::Error) -> bool {
    match &*error.kind {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => true,
        ErrorKind::Command(error) => CHANGING_STATE.contains(&error.code),
        _ => false,
    }
}

fn code(error: &mongodb::error::Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        _ => None,
    }
}
