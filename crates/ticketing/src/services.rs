//! `services`: what the application is made of.

use clap::Args;
use common::Program;
use operator::console::{say, table};
use serde_json::{Value, json};
use service::{Error, Scope, Service};

/// How the services are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Print JSON: also the sections of the settings, and the subjects that each publishes and listens to
    #[arg(long)]
    json: bool,
}

/// Prints the declaration of each service.
pub(crate) struct Services {
    pub(crate) options: Options,
    pub(crate) programs: &'static [Program],
}

impl Service for Services {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        if self.options.json {
            return say(format_args!("{:#}", self.programs.iter().map(as_json).collect::<Value>()));
        }
        let rows = self.programs.iter().map(|program| {
            let declaration = program.declaration;
            [declaration.name.to_owned(), declaration.prefixes.join(", "), sections(program).join(", ")]
        });
        say(table(["SERVICE", "API", "SETTINGS"], &rows.collect::<Vec<_>>()))
    }
}

/// The names of the sections of a service's settings.
fn sections(program: &Program) -> Vec<&'static str> {
    let mut names: Vec<_> = (program.declaration.sections)().describe().iter().map(|setting| setting.section).collect();
    names.dedup();
    names
}

fn as_json(program: &Program) -> Value {
    let topology = (program.declaration.topology)();
    let publishes: Vec<_> = topology.publishes.iter().map(|subject| subject.as_str()).collect();
    let subscribes = topology.subscribes.iter();
    let subscribes: Vec<_> = subscribes
        .map(|subscribed| json!({ "subject": subscribed.subject.as_str(), "queueGroup": subscribed.queue_group }))
        .collect();
    json!({
        "name": program.declaration.name,
        "prefixes": program.declaration.prefixes,
        "sections": sections(program),
        "publishes": publishes,
        "subscribes": subscribes,
    })
}
