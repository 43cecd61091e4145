//! The service with a database and a broker of its own.

use std::net::SocketAddr;
use std::ops::Deref;

use serde_json::{Value, json};
use service::settings::Settings;
use service::{Running, launch};
use testkit::{Answer, Api, Broker, Database, course_environment, session_of};
use tickets::PROGRAM;

pub(crate) const PATH: &str = "/api/tickets";

pub(crate) struct App {
    pub(crate) running: Running<Option<SocketAddr>>,
    pub(crate) api: Api,
}

pub(crate) fn settings(mongo_uri: &str, nats_url: &str, client_id: &str) -> Settings {
    let course = course_environment(mongo_uri, nats_url, client_id);
    testkit::settings((tickets::DECLARATION.sections)(), &[&course[..], &[("HTTP__BIND", "127.0.0.1:0")]].concat())
}

impl App {
    pub(crate) async fn on(mongo_uri: &str, nats_url: &str, client_id: &str) -> Self {
        let mut running = launch("tickets", PROGRAM).settings(settings(mongo_uri, nats_url, client_id)).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, api: Api { address } }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    pub(crate) async fn sell(&self, seller: &str, title: &str, price: Value) -> Answer {
        self.send("POST", PATH, seller, &json!({ "title": title, "price": price })).await
    }

    /// Puts a ticket up for sale, and returns its id.
    pub(crate) async fn ticket(&self, seller: &str) -> String {
        let ticket = self.sell(seller, "concert", json!(20)).await.expect(201);
        ticket["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn change(&self, seller: &str, id: &str, title: &str, price: Value) -> Answer {
        self.send("PUT", &format!("{PATH}/{id}"), seller, &json!({ "title": title, "price": price })).await
    }

    pub(crate) async fn show(&self, id: &str) -> Answer {
        self.get(&format!("{PATH}/{id}"), "").await
    }
}

impl Deref for App {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// The service with its servers, for one test.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) database: Database,
    pub(crate) broker: Broker,
}

impl World {
    pub(crate) async fn start() -> Self {
        let (database, broker) = (Database::new(), Broker::start().await);
        let app = App::on(database.uri(), broker.url(), "tickets-1").await;
        Self { app, database, broker }
    }

    pub(crate) async fn stop(self) {
        self.app.stop().await;
        self.broker.stop().await;
    }
}

/// Signs a new user in, and returns the cookie.
pub(crate) fn signin() -> String {
    session_of("test@test.com")
}
