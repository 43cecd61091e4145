//! The bank with a database of its own.

use std::net::SocketAddr;

use bank::PROGRAM;
use serde_json::{Value, json};
use service::{Running, launch};
use testkit::{Answer, Api, Database, settings};

pub(crate) const KEY: &str = "sk_test_bank";

pub(crate) struct Bank {
    running: Running<Option<SocketAddr>>,
    pub(crate) api: Api,
    database: Database,
}

impl Bank {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A bank with these settings beside those that it needs.
    pub(crate) async fn with(more: &[(&str, &str)]) -> Self {
        Self::on(Database::new(), more).await
    }

    async fn on(database: Database, more: &[(&str, &str)]) -> Self {
        let own = [("MONGO_URI", database.uri()), ("BANK__BIND", "127.0.0.1:0"), ("BANK__FAULTS", "true")];
        let settings = settings((bank::DECLARATION.sections)(), &[&own[..], more].concat());
        let mut running = launch("bank", PROGRAM).settings(settings).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, api: Api { address }, database }
    }

    /// Stops it and starts it again with the same books.
    pub(crate) async fn restarted(self) -> Self {
        self.running.stop().await.result.unwrap();
        Self::on(self.database, &[]).await
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    /// Sends a form; nothing if the connection broke.
    pub(crate) async fn try_post(&self, path: &str, form: &str, key: Option<&str>) -> Option<Answer> {
        let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bank\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n{key}\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        self.api.try_raw(head.as_bytes()).await
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.try_post(path, form, None).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.api.request("GET", path, &format!("authorization: Bearer {KEY}\r\n"), b"").await
    }

    /// A new payment method from a test token.
    pub(crate) async fn method(&self, token: &str) -> String {
        let answer = self.post("/v1/payment_methods", &format!("type=card&card[token]={token}")).await;
        id_of(&answer.expect(200))
    }

    /// A new intent of $20.
    pub(crate) async fn intent(&self) -> String {
        let form = "amount=2000&currency=usd&payment_method_types[]=card&metadata[order_id]=7";
        id_of(&self.post("/v1/payment_intents", form).await.expect(200))
    }

    /// Confirms an intent with a new payment method from a test token.
    pub(crate) async fn confirm(&self, intent: &str, token: &str) -> Answer {
        let method = self.method(token).await;
        let form = format!("payment_method={method}&error_on_requires_action=true");
        self.post(&format!("/v1/payment_intents/{intent}/confirm"), &form).await
    }

    /// A new intent of $20 that has succeeded.
    pub(crate) async fn paid(&self, token: &str) -> String {
        let intent = self.intent().await;
        self.confirm(&intent, token).await.expect(200);
        intent
    }

    /// The cents that were charged and not refunded.
    pub(crate) async fn balance(&self) -> i64 {
        self.get("/v1/balance").await.expect(200)["available"][0]["amount"].as_i64().unwrap()
    }

    /// The objects of a list.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        self.get(path).await.expect(200)["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn order_fault(&self, fault: &str, path: &str, times: u32) {
        let order = json!({ "fault": fault, "path": path, "times": times });
        self.api.send("POST", "/-/faults", "", &order).await.expect(201);
    }
}

pub(crate) fn id_of(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}
