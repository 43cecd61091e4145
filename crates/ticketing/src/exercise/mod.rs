//! `exercise`: known bugs to find and fix, each in a copy of the sources.

mod check;
mod check_all;
mod chosen;
mod list;
mod solution;
mod start;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use operator::console::say;
use service::{Error, Scope, Service};

use self::chosen::Chosen;

/// What the help ends with.
const EXAMPLES: &str = "\
Examples:
  cargo run -- exercise list
  cargo run -- exercise start free-again
  cargo run -- exercise check
  cargo run -- exercise hint";

/// What is asked for.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Exercises {
    #[command(subcommand)]
    command: Command,
    /// The folder of the copies and of the progress; without this option, one beside the checkout
    #[arg(long, global = true, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List the exercises, and how far they are
    List,
    /// Make a copy of the sources that has the bug of an exercise
    Start { name: String },
    /// Run the test that fails until the bug is fixed; without a name, of the exercise that was started last
    Check { name: Option<String> },
    /// Print a hint, and each time one more
    Hint { name: Option<String> },
    /// Say what the bug is, and print how a copy differs from the sources without it
    Solution { name: Option<String> },
    /// Prove that each exercise fails as it is made, and passes with its solution
    CheckAll {
        /// The exercises; without a name, all
        names: Vec<String>,
    },
}

impl Service for Exercises {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        // Cargo is killed when somebody interrupts it.
        scope.stopping().or(self.perform()).await.unwrap_or(Ok(()))
    }
}

impl Exercises {
    async fn perform(self) -> Result<(), Error> {
        let mut chosen = Chosen::open(self.folder)?;
        match self.command {
            Command::List => list::print(&chosen),
            Command::Start { name } => start::start(&mut chosen, &name),
            Command::Check { name } => check::check(&mut chosen, name).await,
            Command::Hint { name } => hint(&mut chosen, name),
            Command::Solution { name } => solution::print(&chosen, name).await,
            Command::CheckAll { names } => check_all::check(&chosen, names).await,
        }
    }
}

fn hint(chosen: &mut Chosen, name: Option<String>) -> Result<(), Error> {
    let (_, exercise) = chosen.started(name)?;
    let all = exercise.hints.len();
    let shown = chosen.folder.one_more_hint(&exercise.name, all)?;
    for (number, hint) in exercise.hints.iter().take(shown).enumerate() {
        say(format_args!("Hint {} of {all}: {hint}", number + 1))?;
    }
    let next = if shown < all { "one more: cargo run -- exercise hint" } else { "cargo run -- exercise solution" };
    say(format_args!("Next: cargo run -- exercise check; {next}"))
}
