//! The test bank with books of its own, and what is in them.

use std::net::SocketAddr;

use common::events::OrderId;
use futures_util::TryStreamExt;
use mongodb::bson::doc;
use serde_json::{Value, json};
use service::{Running, launch};
use testkit::{Answer, Api, Database, settings};

pub(crate) const KEY: &str = "sk_test_bank";

pub(crate) struct Bank {
    running: Running<Option<SocketAddr>>,
    api: Api,
    database: Database,
}

impl Bank {
    /// A bank with these settings beside those that it needs.
    pub(crate) async fn with(more: &[(&str, &str)]) -> Self {
        let database = Database::new();
        let own = [("MONGO_URI", database.uri()), ("BANK__BIND", "127.0.0.1:0"), ("BANK__FAULTS", "true")];
        let settings = settings((bank::DECLARATION.sections)(), &[&own[..], more].concat());
        let mut running = launch("bank", bank::PROGRAM).settings(settings).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, api: Api { address }, database }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.api.address)
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    async fn get(&self, path: &str) -> Value {
        self.api.request("GET", path, &format!("authorization: Bearer {KEY}\r\n"), b"").await.expect(200)
    }

    /// Sends a form as another client of the account.
    pub(crate) async fn post(&self, path: &str, form: &str, key: &str) -> Answer {
        let headers = format!(
            "authorization: Bearer {KEY}\r\nidempotency-key: {key}\r\n\
             content-type: application/x-www-form-urlencoded\r\n"
        );
        self.api.request("POST", path, &headers, form.as_bytes()).await
    }

    /// Lets something happen to this many requests whose path ends like this.
    pub(crate) async fn fault(&self, fault: &str, path: &str, times: u32) {
        let order = json!({ "fault": fault, "path": path, "times": times });
        self.api.send("POST", "/-/faults", "", &order).await.expect(201);
    }

    pub(crate) async fn delay(&self, path: &str, milliseconds: u32) {
        let order = json!({ "fault": "delay", "path": path, "milliseconds": milliseconds });
        self.api.send("POST", "/-/faults", "", &order).await.expect(201);
    }

    pub(crate) async fn has_faults(&self) -> bool {
        self.api.get("/-/faults", "").await.expect(200) != json!([])
    }

    async fn list(&self, kind: &str) -> Vec<Value> {
        self.get(&format!("/v1/{kind}?limit=100")).await["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn intents(&self) -> Vec<Value> {
        self.list("payment_intents").await
    }

    /// The intents of an order, whose number is not large.
    pub(crate) async fn intents_of(&self, order: OrderId) -> Vec<Value> {
        let order = order.to_string();
        let of_account = self.database.collection("intents").await;
        let ids: Vec<_> =
            of_account.find(doc! { "metadata.order_id": order }).await.unwrap().try_collect().await.unwrap();
        let ids = ids.iter().map(|intent| intent.get_str("_id").unwrap().to_owned());
        let mut intents = Vec::new();
        for id in ids {
            intents.push(self.get(&format!("/v1/payment_intents/{id}")).await);
        }
        intents
    }

    pub(crate) async fn charges(&self) -> Vec<Value> {
        self.list("charges").await
    }

    pub(crate) async fn refunds(&self) -> Vec<Value> {
        self.list("refunds").await
    }

    /// The cents that were charged and not refunded.
    pub(crate) async fn balance(&self) -> i64 {
        self.get("/v1/balance").await["available"][0]["amount"].as_i64().unwrap()
    }
}
