//! The publisher of the experiments.

use std::io::IsTerminal;
use std::time::Duration;

use bus::{Bus, Name};
use clap::Parser;
use events::Subject;
use events::{InvalidPrice, Price};
use futures_util::{StreamExt, TryStreamExt, stream};
use nats_test::{client, console, json, time};
use serde_json::json;
use service::{Error, Exit, Scope, Service, Stopping};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::sleep;

/// How many events may wait for the broker's ack at once, when no interval is asked for.
const UNDER_WAY: usize = 256;

/// Publishes an event and waits until the broker has stored it.
///
/// Then, while its input is open, `rs` or an empty line publishes again; at the end of input (Ctrl-D) it ends.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Publish {
    #[command(flatten)]
    broker: client::Broker,
    /// Who we are to the broker; without this option, 8 random hex digits
    #[arg(long, value_name = "NAME")]
    client_id: Option<Name>,
    #[command(flatten)]
    health: client::Health,
    /// How many events
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// The time between two events; 0 sends them as fast as the broker stores them
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = time::any)]
    interval: Duration,
    /// The ticket's id
    #[arg(long, default_value = "123", allow_hyphen_values = true)]
    id: String,
    /// What the ticket is for
    #[arg(long, default_value = "concert", allow_hyphen_values = true)]
    title: String,
    /// What the ticket costs
    #[arg(long, default_value = "20", value_parser = price, allow_hyphen_values = true)]
    price: Price,
    /// Any other JSON in place of a ticket
    #[arg(long, value_name = "JSON", value_parser = json_text, allow_hyphen_values = true, conflicts_with_all = ["id", "title", "price"])]
    data: Option<String>,
    /// Any text, JSON or not: to see what becomes of a message that nobody can read
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with_all = ["id", "title", "price", "data"])]
    raw: Option<String>,
    /// Where to publish it
    #[arg(long, default_value_t = Subject::TicketCreated)]
    subject: Subject,
}

fn price(text: &str) -> Result<Price, String> {
    let amount: f64 = text.parse().map_err(|_| InvalidPrice::NotPositive.to_string())?;
    Price::try_from(amount).map_err(|error| error.to_string())
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
                console::remark(format_args!("{line:?} is unknown here: Enter or rs publishes again, Ctrl-D ends."));
            } else if stopping.or(self.publish(bus)).await.transpose()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn publish(&self, bus: &Bus) -> Result<(), Error> {
        let payload = self.payload();
        let under_way = if self.interval.is_zero() { UNDER_WAY } else { 1 };
        let published = stream::iter(0..self.count).map(|number| {
            let payload = payload.clone().into_bytes();
            async move {
                if number > 0 && !self.interval.is_zero() {
                    sleep(self.interval).await;
                }
                bus.publish(self.subject, payload.into()).await
            }
        });
        let mut published = published.buffered(under_way);
        while let Some(stored) = published.try_next().await? {
            console::print(format!("Event published: {} #{}", self.subject, stored.sequence)).await?;
        }
        Ok(())
    }

    fn payload(&self) -> String {
        let other = self.data.as_ref().or(self.raw.as_ref());
        other.cloned().unwrap_or_else(|| json!({ "id": self.id, "title": self.title, "price": self.price }).to_string())
    }
}

fn main() -> Exit {
    console::main::<Publish>("publish")
}
