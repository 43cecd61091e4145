//! Gateways of a test's own, and tickets that change.

use std::net::SocketAddr;
use std::path::Path;

use events::{Price, TicketCreated, TicketId, TicketUpdated};
use serde_json::{Value, json};
use service::{Running, launch};
use testkit::{Api, Broker, KEY, LIMIT, Reading, ServiceProgram, free_port, new_id, settings, until};
use tokio::time::timeout;

/// A live gateway.
pub(super) struct Gateway {
    pub(super) running: Running<Option<SocketAddr>>,
    pub(super) address: SocketAddr,
}

impl Gateway {
    pub(super) async fn start(broker: &Broker, client_id: &str) -> Self {
        Self::with(broker, client_id, &[]).await
    }

    /// With these settings besides.
    pub(super) async fn with(broker: &Broker, client_id: &str, environment: &[(&str, &str)]) -> Self {
        // Somebody may run an application where the orders are by default.
        let nobody = format!("http://127.0.0.1:{}", free_port());
        let own = [("HTTP__BIND", "127.0.0.1:0"), ("LIVE__ORDERS_URL", &nobody)];
        let own = [&own[..], &required(broker, client_id)[..]].concat();
        let settings = settings((gateway::DECLARATION.sections)(), &[&own[..], environment].concat());
        let mut running = launch("gateway", gateway::PROGRAM).settings(settings).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, address }
    }

    /// The position that the gateway has reached.
    pub(super) async fn position(&self) -> String {
        position(self.address).await
    }

    /// Waits until the gateway has seen the stream up to this sequence.
    pub(super) async fn has_seen(&self, sequence: u64) {
        let end = format!("-{sequence}");
        until("it has seen that", || async { self.position().await.ends_with(&end) }).await;
    }

    pub(super) async fn watch(&self, query: &str) -> Live {
        Live::open(self.address, query).await
    }

    pub(super) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }
}

/// Three gateways as programs of their own, with these settings besides.
pub(super) async fn three_programs(
    broker: &Broker,
    folder: &Path,
    environment: &[(&str, &str)],
) -> [ServiceProgram; 3] {
    let programs = ["gateway-1", "gateway-2", "gateway-3"].map(|client_id| {
        let environment = [&required(broker, client_id)[..], environment].concat();
        ServiceProgram::start("gateway", &environment, &folder.join(client_id), None)
    });
    for program in &programs {
        until("a gateway is ready", || program.is_ready()).await;
    }
    programs
}

/// The settings that a gateway needs.
fn required<'a>(broker: &'a Broker, client_id: &'a str) -> [(&'a str, &'a str); 4] {
    [("JWT_KEY", KEY), ("NATS_URL", broker.url()), ("NATS_CLUSTER_ID", "ticketing"), ("NATS_CLIENT_ID", client_id)]
}

/// The position that the gateway at this address has reached.
pub(super) async fn position(address: SocketAddr) -> String {
    let answer = Api { address }.get("/api/live/position", "").await;
    answer.expect(200)["position"].as_str().unwrap().to_owned()
}

/// A client that watches.
pub(super) struct Live {
    reading: Reading,
    /// The last id that it was sent.
    pub(super) id: String,
}

impl Live {
    pub(super) async fn of(mut reading: Reading) -> Self {
        let (status, is_stream) = (reading.status, reading.headers["content-type"] == "text/event-stream");
        assert!(status == 200 && is_stream, "{status}: {}", reading.rest().await.0);
        let opening = reading.through("\n\n").await;
        let id = opening.strip_prefix("id: ").unwrap().trim_end().to_owned();
        Self { reading, id }
    }

    pub(super) async fn open(address: SocketAddr, query: &str) -> Self {
        Self::of(Reading::open(address, &format!("/api/live?{query}")).await).await
    }

    /// Returns behind this id, to the gateway at this address.
    pub(super) async fn returned(address: SocketAddr, id: &str) -> Self {
        Self::of(Reading::with(address, "/api/live?tickets=all", &[("last-event-id", id)]).await).await
    }

    /// The next event, in its bytes; comments are skipped.
    pub(super) async fn raw(&mut self) -> String {
        let next = async {
            loop {
                let text = self.reading.through("\n\n").await;
                if text != ":\n\n" {
                    return text;
                }
            }
        };
        timeout(LIMIT, next).await.expect("no event came, only comments")
    }

    /// The next event: its name and its data.
    pub(super) async fn event(&mut self) -> (String, Value) {
        let text = self.raw().await;
        self.parsed(&text)
    }

    /// The next event, which is about a ticket: its id and version.
    pub(super) async fn ticket(&mut self) -> (String, u64) {
        self.ticket_or_stop().await.expect("a ticket, and no end")
    }

    /// The same; `None` if the gateway says that it stops.
    pub(super) async fn ticket_or_stop(&mut self) -> Option<(String, u64)> {
        let text = self.raw().await;
        if text.starts_with("retry: ") {
            return None;
        }
        let (name, data) = self.parsed(&text);
        assert_eq!(name, "ticket", "{data}");
        Some((data["id"].as_str().unwrap().to_owned(), data["version"].as_u64().unwrap()))
    }

    fn parsed(&mut self, text: &str) -> (String, Value) {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        self.id = field("id: ");
        (field("event: "), serde_json::from_str(&field("data: ")).unwrap())
    }

    /// What is left, and whether the stream ended as it should.
    pub(super) async fn rest(self) -> (String, bool) {
        self.reading.rest().await
    }
}

/// A new ticket.
pub(super) fn created(id: TicketId) -> TicketCreated {
    let price = Price::from_cents(2050).unwrap();
    TicketCreated { id, version: 0, title: "a \"concert\"".to_owned(), price, user_id: new_id() }
}

/// A ticket after a change.
pub(super) fn updated(id: TicketId, version: u64) -> TicketUpdated {
    let TicketCreated { id, title, price, user_id, .. } = created(id);
    TicketUpdated { id, version, title, price, user_id, order_id: None }
}

pub(super) fn text<E: serde::Serialize>(event: &E) -> String {
    json!(event).to_string()
}
