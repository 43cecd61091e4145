//! `describe`: all publishers and listeners.

use clap::Args;
use common::Declaration;
use events::Subject;
use serde_json::{Value, json};
use service::{Error, Exit, Scope, Service};

use crate::console::{say, table};
use crate::services::{listeners, or_nobody, publishers};
use crate::{asyncapi, mermaid};

/// How publishers and listeners are printed: as a table without an option.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Describe {
    /// Print JSON: what each service publishes and listens to
    #[arg(long)]
    json: bool,
    /// Print a graph for Mermaid, which Markdown pages can show
    #[arg(long)]
    mermaid: bool,
    /// Print an AsyncAPI 3 document, with a JSON Schema for each event
    #[arg(long)]
    asyncapi: bool,
}

impl Describe {
    pub(crate) fn run(self, services: &[Declaration]) -> Exit {
        let text = if self.json {
            format!("{:#}", as_json(services))
        } else if self.mermaid {
            mermaid::graph(services)
        } else if self.asyncapi {
            format!("{:#}", asyncapi::document(services))
        } else {
            lines(services)
        };
        service::run("describe", Print(text))
    }
}

/// Prints a text, and ends.
struct Print(String);

impl Service for Print {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        say(self.0)
    }
}

/// One line for each event; the last column may hold several names.
fn lines(services: &[Declaration]) -> String {
    let rows = Subject::ALL.map(|subject| {
        let groups = listeners(services, subject).map(|listening| listening.queue_group).collect();
        let (publishers, groups) = (or_nobody(publishers(services, subject)), or_nobody(groups));
        [subject.to_string(), publishers.join(", "), groups.join(", ")]
    });
    table(["SUBJECT", "PUBLISHED BY", "LISTENED TO BY"], &rows)
}

/// The services that use the bus.
fn as_json(services: &[Declaration]) -> Value {
    let service = |service: &Declaration| {
        let topology = (service.topology)();
        let publishes: Vec<_> = topology.publishes.iter().map(|subject| subject.as_str()).collect();
        let listens = topology.subscribes.iter();
        let listens: Vec<_> =
            listens.map(|one| json!({ "subject": one.subject.as_str(), "queueGroup": one.queue_group })).collect();
        let uses_the_bus = !publishes.is_empty() || !listens.is_empty();
        uses_the_bus.then(|| json!({ "service": service.name, "publishes": publishes, "listens": listens }))
    };
    services.iter().filter_map(service).collect()
}
