//! The publisher of the experiments.

use std::io::IsTerminal;
use std::time::Duration;

use bus::{Bus, Name};
use clap::Parser;
use events::{Price, Subject};
use futures_util::{StreamExt, TryStreamExt, stream};
use nats_test::{client, console, json, time};
use serde_json::json;
use service::{Error, Exit, Scope, Service, Stopping};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::sleep;

/// How many events may wait for the broker's ack, if no interval is given.
const MAX_PENDING: usize = 256;

/// Publish an event, and wait until the broker has stored it.
///
/// After that, `rs` or an empty line on stdin publishes again; the end of stdin (Ctrl-D) ends the command.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Publish {
    #[command(flatten)]
    broker: client::Broker,
    /// The client id; without this option, 8 random hex digits
    #[arg(long, value_name = "NAME")]
    client_id: Option<Name>,
    #[command(flatten)]
    health: client::Health,
    /// How many events to publish
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// The time between two events; 0 sends them as fast as the broker stores them
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = time::any)]
    interval: Duration,
    /// The ticket's id
    #[arg(long, default_value = "123", allow_hyphen_values = true)]
    id: String,
    /// The title of the ticket
    #[arg(long, default_value = "concert", allow_hyphen_values = true)]
    title: String,
    /// The price of the ticket
    #[arg(long, default_value = "20", allow_hyphen_values = true)]
    price: Price,
    /// Publish this JSON instead of a ticket
    #[arg(long, value_name = "JSON", value_parser = json_text, allow_hyphen_values = true, conflicts_with_all = ["id", "title", "price"])]
    data: Option<String>,
    /// Publish this text, JSON or not: shows what happens to an invalid message
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with_all = ["id", "title", "price", "data"])]
    raw: Option<String>,
    /// The subject to publish to
    #[arg(long, default_value_t = Subject::TicketCreated)]
    subject: Subject,
}

fn json_text(text: &str) -> Result<String, String> {
    json::check(text)?;
    Ok(text.to_owned())
}

impl Service for Publish {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let client_id = self.client_id.clone().unwrap_or_else(client::random_id);
        let bus = client::connect(&scope, self.broker.clone(), client_id, self.health.clone()).await?;
        scope.ready(());
        let stopping = scope.stopping();
        self.talk(&bus, &stopping).await.or_else(console::ended)
    }
}

impl Publish {
    async fn talk(&self, bus: &Bus, stopping: &Stopping) -> Result<(), Error> {
        if stopping.or(console::print("Publisher connected to NATS".to_owned())).await.transpose()?.is_none() {
            return Ok(());
        }
        if stopping.or(self.publish(bus)).await.transpose()?.is_none() {
            return Ok(());
        }
        if std::io::stdin().is_terminal() {
            console::remark("Enter publishes again, Ctrl-D ends.");
        }
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(Some(line)) = stopping.or(lines.next_line()).await.transpose()? {
            if !["", "rs"].contains(&line.trim()) {
                console::remark(format_args!("unknown input {line:?}: Enter or rs publishes again, Ctrl-D ends."));
            } else if stopping.or(self.publish(bus)).await.transpose()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn publish(&self, bus: &Bus) -> Result<(), Error> {
        let (payload, is_experiment) = self.payload();
        let max_pending = if self.interval.is_zero() { MAX_PENDING } else { 1 };
        let published = stream::iter(0..self.count).map(|number| {
            let payload = payload.clone().into_bytes();
            async move {
                if number > 0 && !self.interval.is_zero() {
                    sleep(self.interval).await;
                }
                if is_experiment {
                    bus.publish_experiment(self.subject, payload.into()).await
                } else {
                    bus.publish(self.subject, payload.into()).await
                }
            }
        });
        let mut published = published.buffered(max_pending);
        while let Some(stored) = published.try_next().await? {
            console::print(format!("Event published: {} #{}", self.subject, stored.sequence)).await?;
        }
        Ok(())
    }

    /// What to publish, and whether it is the ticket of the lessons. The services of an application can't handle that one,
    /// and must not try.
    fn payload(&self) -> (String, bool) {
        let ticket = || json!({ "id": self.id, "title": self.title, "price": self.price }).to_string();
        let other = self.data.as_ref().or(self.raw.as_ref());
        other.map_or_else(|| (ticket(), true), |other| (other.clone(), false))
    }
}

fn main() -> Exit {
    console::main::<Publish>("publish")
}
