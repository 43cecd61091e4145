//! What the lessons with instances have in common: their options, and the hidden way in for an instance.

use std::time::Duration;

use clap::{Args, Subcommand};
use service::{Error, Scope};

use super::{Instance, Place};
use crate::{client, console, time};

/// Where a lesson takes place.
#[derive(Args, Debug)]
pub struct Stage {
    #[command(flatten)]
    broker: client::Broker,
    /// How long the broker waits for an ack before it delivers an event again
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = time::ack_wait)]
    ack_wait: Duration,
    /// What to be, when it is not the lesson.
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
    /// Connects, and makes a place for the lesson's trials.
    ///
    /// # Errors
    ///
    /// When there is no broker, with how to get one.
    pub async fn open(self, scope: &Scope<()>) -> Result<Place, Error> {
        let bus = client::connect_unregistered(scope, self.broker.clone(), client::random_id()).await?;
        scope.ready(());
        Place::make(bus, self.broker, self.ack_wait).await
    }
}

/// Cleans up after a lesson that is over, or was stopped (`None`).
///
/// # Errors
///
/// The lesson's, unless its reader has gone.
pub async fn close(place: Place, lesson: Option<Result<(), Error>>) -> Result<(), Error> {
    place.clean_up().await;
    lesson.unwrap_or(Ok(())).or_else(console::ended)
}
