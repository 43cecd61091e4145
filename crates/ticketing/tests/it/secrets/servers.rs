//! A broker, a database and a bank that ask for a login or a key.

use std::fs;
use std::net::SocketAddr;

use devstack::{NatsServer, NatsServerAddress, Sources, Tool, find};
use mongodb::bson::doc;
use service::{Running, launch};
use tempfile::TempDir;
use testkit::{Mongod, settings};
use tokio::runtime::Runtime;

use super::MARK;

/// The key of the bank's account; its end is the mark.
pub(super) const STRIPE_KEY: &str = "sk_test_hunter2marked";

/// Servers with a user `u`, whose password is the mark.
pub(super) struct Servers {
    runtime: Runtime,
    running: Option<(Running<NatsServerAddress>, Mongod, Running<Option<SocketAddr>>)>,
    nats: String,
    mongo: String,
    bank: String,
    _folder: TempDir,
}

impl Servers {
    pub(super) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("nats.conf");
        let store = folder.path().join("store");
        let login = format!("authorization {{ user: u, password: {MARK} }}");
        fs::write(&config, format!("jetstream {{ store_dir: {} }}\n{login}\n", store.display())).unwrap();
        let (running, nats, mongo, bank) = runtime.block_on(async {
            let tool = Tool::NATS_SERVER;
            let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
            let server = NatsServer { config: Some(config), ..NatsServer::on_free_ports(binary, store) };
            let mut running = launch("nats-server", server).start();
            let nats = running.ready().await.unwrap().url.replace("://", "://u:PASSWORD@");
            let mongod = Mongod::start().await;
            let uri = mongod.uri("NAME");
            let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
            let user = doc! { "createUser": "u", "pwd": MARK, "roles": ["root"] };
            client.database("admin").run_command(user).await.unwrap();
            let mongo = format!("{}&authSource=admin", uri.replace("://", "://u:PASSWORD@"));
            let bank_uri = mongo.replace("PASSWORD", MARK).replace("NAME", "own-bank");
            let of_bank = [("MONGO_URI", bank_uri.as_str()), ("BANK__BIND", "127.0.0.1:0"), ("BANK__KEY", STRIPE_KEY)];
            let settings = settings((bank::DECLARATION.sections)(), &of_bank);
            let mut bank = launch("bank", bank::PROGRAM).settings(settings).start();
            let url = format!("http://{}", bank.ready().await.unwrap().unwrap());
            ((running, mongod, bank), nats, mongo, url)
        });
        Self { runtime, running: Some(running), nats, mongo, bank, _folder: folder }
    }

    /// The variables of a program, with a database of its own.
    pub(super) fn right(&self, program: &str) -> [(&'static str, String); 10] {
        [
            ("BANK__BIND", "127.0.0.1:0".to_owned()),
            ("BANK__KEY", STRIPE_KEY.to_owned()),
            ("STRIPE_KEY", STRIPE_KEY.to_owned()),
            ("STRIPE_URL", self.bank.clone()),
            ("STRIPE_WEBHOOK_SECRET", format!("whsec_{MARK}")),
            ("JWT_KEY", MARK.to_owned()),
            ("MONGO_URI", self.mongo.replace("PASSWORD", MARK).replace("NAME", program)),
            ("NATS_URL", self.nats.replace("PASSWORD", MARK)),
            ("NATS_CLUSTER_ID", "ticketing".to_owned()),
            ("NATS_CLIENT_ID", format!("{program}-1")),
        ]
    }

    /// The URLs of the broker and of a database with another password, which is as secret.
    pub(super) fn wrong(&self) -> (String, String) {
        let other = format!("not-{MARK}");
        (self.nats.replace("PASSWORD", &other), self.mongo.replace("PASSWORD", &other).replace("NAME", "wrong"))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some((nats, mongod, bank)) = self.running.take() {
            self.runtime.block_on(async {
                drop(bank.stop().await);
                drop(nats.stop().await);
                mongod.stop().await;
            });
        }
    }
}
