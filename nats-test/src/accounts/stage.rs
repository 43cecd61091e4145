//! What the lessons with instances have in common: their options, and the hidden command of an instance.

use std::time::Duration;

use clap::{Args, Subcommand};
use service::{Error, Scope};

use super::instance::Instance;
use super::place::Place;
use crate::{client, console, time};

/// The options of a lesson.
#[derive(Args, Debug)]
pub struct Stage {
    #[command(flatten)]
    broker: client::Broker,
    /// How long the broker waits for an ack before it delivers an event again
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = time::ack_wait)]
    ack_wait: Duration,
    /// A part of the lesson to run, instead of the lesson itself.
    #[command(subcommand)]
    pub part: Option<Part>,
}

/// A part of a lesson.
#[derive(Debug, Subcommand)]
pub enum Part {
    /// One instance of the service, as the lesson starts it
    #[command(hide = true)]
    Instance(Instance),
}

impl Stage {
    /// Connects, and creates what the lesson's trials need.
    ///
    /// # Errors
    ///
    /// If there is no broker, with a hint how to start one.
    pub async fn open(self, scope: &Scope<()>) -> Result<Place, Error> {
        let bus = client::connect_unregistered(scope, self.broker.clone(), client::random_id()).await?;
        scope.ready(());
        Place::make(bus, self.broker, self.ack_wait).await
    }
}

/// Cleans up after a lesson that has ended, or was stopped (`None`).
///
/// # Errors
///
/// The lesson's error, unless its reader has closed stdout.
pub async fn close(place: Place, lesson: Option<Result<(), Error>>) -> Result<(), Error> {
    place.clean_up().await;
    lesson.unwrap_or(Ok(())).or_else(console::ended)
}
