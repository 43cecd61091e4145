//! The service itself.

use std::net::SocketAddr;
use std::ops::Deref;

use payments::PROGRAM;
use serde_json::{Value, json};
use service::{Running, launch};
use testkit::{Answer, Api, course_environment, settings, until};

use crate::bank::KEY;
use crate::world::Order;

pub(crate) const PATH: &str = "/api/payments";

/// The secret that the tests sign webhooks with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_test";

pub(crate) struct App {
    running: Running<Option<SocketAddr>>,
    api: Api,
}

impl App {
    pub(crate) async fn on(
        mongo_uri: &str,
        nats_url: &str,
        client_id: &str,
        bank: &str,
        more: &[(&str, &str)],
    ) -> Self {
        let course = course_environment(mongo_uri, nats_url, client_id);
        let own = [("HTTP__BIND", "127.0.0.1:0"), ("STRIPE_KEY", KEY), ("STRIPE_URL", bank)];
        let settings = settings((payments::DECLARATION.sections)(), &[&course[..], &own, more].concat());
        let mut running = launch("payments", PROGRAM).settings(settings).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, api: Api { address } }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    /// Pays an order as its buyer.
    pub(crate) async fn pay(&self, order: &Order, token: &str) -> Answer {
        self.send("POST", PATH, &order.buyer, &json!({ "token": token, "orderId": order.id })).await
    }

    /// What the buyer is shown of the payment.
    pub(crate) async fn shown(&self, order: &Order) -> Answer {
        self.get(&format!("{PATH}/{}", order.id), &order.buyer).await
    }

    pub(crate) async fn status(&self, order: &Order) -> Value {
        self.shown(order).await.json()["status"].clone()
    }

    /// Waits until the payment has this status.
    pub(crate) async fn is(&self, order: &Order, status: &str) {
        until(status, || async { self.status(order).await == status }).await;
    }

    /// Receives a webhook with this signature.
    pub(crate) async fn receive(&self, event: &str, signature: &str) -> Answer {
        let headers = format!("content-type: application/json\r\nstripe-signature: {signature}\r\n");
        self.request("POST", &format!("{PATH}/webhook"), &headers, event.as_bytes()).await
    }
}

impl Deref for App {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}
