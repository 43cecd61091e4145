//! The service with a database of its own.

use std::net::SocketAddr;
use std::ops::Deref;

use auth::PROGRAM;
use serde_json::json;
use service::settings::Settings;
use service::{Running, launch};
use testkit::{Answer, Api, Database, KEY};

pub(crate) struct App {
    running: Running<Option<SocketAddr>>,
    api: Api,
    _database: Option<Database>,
}

pub(crate) fn settings(uri: &str, more: &[(&str, &str)]) -> Settings {
    let own = [("JWT_KEY", KEY), ("MONGO_URI", uri), ("HTTP__BIND", "127.0.0.1:0")];
    testkit::settings((auth::DECLARATION.sections)(), &[&own[..], more].concat())
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these variables besides.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        let database = Database::new();
        let app = Self::on(database.uri(), environment).await;
        Self { _database: Some(database), ..app }
    }

    pub(crate) async fn on(uri: &str, environment: &[(&str, &str)]) -> Self {
        let mut running = launch("auth", PROGRAM).settings(settings(uri, environment)).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, api: Api { address }, _database: None }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    pub(crate) async fn sign_up(&self, email: &str) -> Answer {
        self.post("/api/users/signup", &json!({ "email": email, "password": "password" })).await
    }
}

impl Deref for App {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}
