//! A mongod that demands something of its clients: a login, or TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use devstack::{Sources, Tool, find};
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential, ServerAddress, Tls, TlsOptions};
use mongodb::{Client, Database};
use tempfile::TempDir;

use crate::{free_port, until};

/// A certificate for `localhost` and `127.0.0.1` that is its own authority, and its key. It is for tests only.
const CERTIFICATE: &str = include_str!("localhost.pem");

/// A mongod on a free port, the only member of the replica set `rs0`. It is killed when this is dropped.
#[derive(Debug)]
pub struct GuardedMongod {
    child: Child,
    folder: TempDir,
    port: u16,
    has_tls: bool,
}

impl GuardedMongod {
    /// Starts one that demands a login. The user `root` of the database `admin` has the password `root`, and every right.
    pub async fn with_login() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        fs::write(&key, "forTestsOnly").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let mongod = Self::start(folder, false, &["--auth", "--keyFile", key.to_str().unwrap()]).await;
        // The first user may be created without a login.
        let created = doc! { "createUser": "root", "pwd": "root", "roles": ["root"] };
        mongod.client(None).await.database("admin").run_command(created).await.unwrap();
        mongod
    }

    /// Starts one that demands TLS, with a certificate that no client knows.
    pub async fn with_tls() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("localhost.pem");
        fs::write(&certificate, CERTIFICATE).unwrap();
        let certificate = certificate.to_str().unwrap();
        // It connects to itself, too, to join its replica set.
        let tls = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", certificate, "--tlsCAFile", certificate];
        Self::start(folder, true, &[&tls[..], &["--tlsAllowConnectionsWithoutCertificates"]].concat()).await
    }

    async fn start(folder: TempDir, has_tls: bool, arguments: &[&str]) -> Self {
        let tool = Tool::MONGOD;
        let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
        let port = free_port();
        let mut command = Command::new(binary);
        command.args([
            "--bind_ip",
            "127.0.0.1",
            "--replSet",
            "rs0",
            "--nounixsocket",
            "--wiredTigerCacheSizeGB",
            "0.25",
        ]);
        command.args(["--port", &port.to_string(), "--dbpath", folder.path().to_str().unwrap()]).args(arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mongod = Self { child, folder, port, has_tls };
        let admin = mongod.client(None).await.database("admin");
        let member = doc! { "_id": 0, "host": mongod.host() };
        let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": [member] } };
        until("the replica set is initiated", || async { admin.run_command(initiate.clone()).await.is_ok() }).await;
        until("the mongod is the primary", || async {
            let hello = admin.run_command(doc! { "hello": 1 }).await;
            hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
        })
        .await;
        mongod
    }

    /// Creates a user of this database who may read and write all databases.
    pub async fn create_user(&self, database: &str, user: &str, password: &str) {
        let role = doc! { "role": "readWriteAnyDatabase", "db": "admin" };
        self.create_user_with(database, user, password, role).await;
    }

    /// Creates a user of this database who has this role alone.
    pub async fn create_user_with(&self, database: &str, user: &str, password: &str, role: Document) {
        let created = doc! { "createUser": user, "pwd": password, "roles": [role] };
        self.as_root(database).await.run_command(created).await.unwrap();
    }

    /// One of its databases, for somebody who has every right.
    pub async fn as_root(&self, database: &str) -> Database {
        let root = Credential::builder().username("root".to_owned()).password("root".to_owned());
        self.client(Some(root.source("admin".to_owned()).build())).await.database(database)
    }

    async fn client(&self, credential: Option<Credential>) -> Client {
        let hosts = vec![ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(self.port) }];
        let mut options = ClientOptions::builder().hosts(hosts).direct_connection(true).build();
        options.credential = credential;
        options.server_selection_timeout = Some(Duration::from_secs(1));
        options.tls = self.has_tls.then(|| Tls::Enabled(TlsOptions::builder().ca_file_path(self.authority()).build()));
        Client::with_options(options).unwrap()
    }

    /// `127.0.0.1:<port>`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The file with the certificate of the authority that has signed its own.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("localhost.pem")
    }
}

impl Drop for GuardedMongod {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
