//! `describe`: every publisher and every listener.

use crate::topology::Wiring;
use clap::Args;
use events::Subject;
use serde_json::{Value, json};
use service::{Error, Scope, Service};

use crate::console::say;
use crate::console::table;
use crate::topology::{listeners, or_nobody, publishers};
use crate::{asyncapi, mermaid};

/// How it is printed; as a table when nothing is said.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Describe {
    /// As JSON: what each service publishes and listens to
    #[arg(long)]
    json: bool,
    /// As a graph for Mermaid, which Markdown pages can show
    #[arg(long)]
    mermaid: bool,
    /// As an AsyncAPI 3 document: also what each event holds, as JSON Schema
    #[arg(long)]
    asyncapi: bool,
    #[arg(skip)]
    services: Vec<Wiring>,
}

impl Describe {
    pub(crate) fn of(self, services: Vec<Wiring>) -> Self {
        Self { services, ..self }
    }
}

impl Service for Describe {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let services = self.services;
        if self.json {
            say(format_args!("{:#}", as_json(&services)))
        } else if self.mermaid {
            say(mermaid::graph(&services))
        } else if self.asyncapi {
            say(format_args!("{:#}", asyncapi::document(&services)))
        } else {
            say(lines(&services))
        }
    }
}

/// One line for each event; the last column may hold several names.
fn lines(services: &[Wiring]) -> String {
    let rows = Subject::ALL.map(|subject| {
        let groups = listeners(services, subject).map(|(_, queue_group)| queue_group);
        let (by, to) = (or_nobody(publishers(services, subject)), or_nobody(groups));
        [subject.to_string(), by.join(", "), to.join(", ")]
    });
    table(["SUBJECT", "PUBLISHED BY", "LISTENED TO BY"], rows.to_vec())
}

fn as_json(services: &[Wiring]) -> Value {
    let service = |Wiring { service, publishes, listens }: &Wiring| {
        let publishes: Vec<_> = publishes.iter().map(|subject| subject.as_str()).collect();
        let listens: Vec<_> = listens
            .iter()
            .map(|ear| json!({ "subject": ear.subject.as_str(), "queueGroup": ear.queue_group }))
            .collect();
        json!({ "service": service, "publishes": publishes, "listens": listens })
    };
    services.iter().map(service).collect()
}
