//! What an operator does while clients watch: repairs of the stream, and redriven dead letters.

use std::path::Path;
use std::process::Command;

use bus::Verdict;
use serde_json::{Value, json};
use testkit::{
    Api, Broker, Client, Database, ServiceProgram, Subscriber, course_environment, durable_group, listen_to, programs,
    session_of, until,
};

/// The versions of the ticket that is repaired.
pub(super) const VERSIONS: u64 = 10;

/// A ticket of the real service, whose outbox the repair compares with the stream; and a group that fails on every new ticket.
pub(super) struct Operated {
    tickets: ServiceProgram,
    failing: Subscriber,
    client: Client,
    database: Database,
}

impl Operated {
    pub(super) async fn start(broker: &Broker, folder: &Path) -> Self {
        let (database, client) = (Database::new(), broker.connect("failing-group").await);
        let uri = database_of_tickets(&database);
        let environment = course_environment(&uri, broker.url(), "tickets-program");
        let tickets = ServiceProgram::start("tickets", &environment, &folder.join("tickets"), None);
        until("the tickets service is ready", || tickets.is_ready()).await;
        let verdict = |delivery: &bus::Delivery| match delivery.redrive_of() {
            None => Verdict::dead_letter("not yet"),
            Some(_) => Verdict::Ack,
        };
        let failing = listen_to(&client, durable_group("failing"), verdict).await;
        Self { tickets, failing, client, database }
    }

    /// Sells a ticket and changes it; nine changes are [`VERSIONS`].
    pub(super) async fn sell(&self) {
        let (api, seller) = (Api { address: self.tickets.address }, session_of("seller@test.com"));
        let title = |version| json!({ "title": format!("version {version}"), "price": 20 });
        let sold = api.send("POST", "/api/tickets", &seller, &title(0)).await.expect(201);
        let path = format!("/api/tickets/{}", sold["id"].as_str().unwrap());
        for version in 1..VERSIONS {
            api.send("PUT", &path, &seller, &title(version)).await.expect(200);
        }
    }

    /// Deletes an event of the ticket from the stream, and has the operator's tool publish it again.
    pub(super) async fn repair(&self, broker: &Broker, sequence: u64) {
        let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
        stream.delete_message(sequence).await.unwrap();
        let uri = database_of_tickets(&self.database);
        let output = operator(broker, &["audit", "--repair", "--json", "--mongo-uri", &uri]).await;
        let audit: Value = serde_json::from_str(&output).unwrap();
        assert_eq!((&audit["counts"]["missing"], &audit["repaired"]), (&json!(1), &json!(1)));
    }

    /// Redrives the dead letter with this number, once it is there.
    pub(super) async fn redrive(&self, broker: &Broker, number: u64) {
        let number = number.to_string();
        let redrive = async || operator(broker, &["dlq", "redrive", &number]).await == "1 redriven\n";
        until("it is redriven", redrive).await;
    }

    pub(super) async fn stop(mut self) {
        self.failing.close().await;
        assert_eq!(self.tickets.terminate().await, Some(0));
        self.client.close().await;
    }
}

/// The URI of the database as that of the tickets service of an application.
fn database_of_tickets(database: &Database) -> String {
    database.uri().replace("/test-", "/shop").replacen('?', "-tickets?", 1)
}

/// Runs the operator's tool; what it prints.
async fn operator(broker: &Broker, options: &[&str]) -> String {
    let mut command = Command::new(programs().join("operator"));
    command.arg("bus").args(options).args(["--nats-url", broker.url()]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}
