//! `exercise check`

use exercises::{Checked, Exercise, State, Workbench};
use operator::console::say;
use service::{Ending, Error, Exit};

use super::chosen::Chosen;

pub(super) async fn check(chosen: &mut Chosen, name: Option<String>) -> Result<(), Error> {
    let (_, exercise) = chosen.started(name)?;
    let (test, copy, name) = (&exercise.test, chosen.folder.copy(&exercise.name), &exercise.name);
    let bench = Workbench::open()?;
    bench.lay_out(&copy, &[&test.package])?;
    match bench.check(test).await? {
        Checked::Passes => {
            chosen.folder.solved(name)?;
            let is_solved = |(_, one): &&(_, Exercise)| chosen.folder.state(&one.name) == State::Solved;
            let solved = chosen.all.iter().filter(is_solved).count();
            say(format_args!("{name} is fixed: {}", test.sentence()))?;
            say(format_args!(
                "{solved} of {} are solved. Compare: cargo run -- exercise solution {name}",
                chosen.all.len()
            ))?;
            return match chosen.next() {
                Some(next) => say(format_args!("Next: {next}")),
                None => Ok(()),
            };
        }
        Checked::Fails(seen) => {
            say(format_args!("Expected: {}\n  {}", test.sentence(), test.file(&copy)))?;
            say("Seen:")?;
            for line in seen.lines() {
                say(format_args!("  {line}"))?;
            }
        }
        Checked::DoesNotCompile => say("The copy does not compile: see above.")?,
    }
    say(format_args!("Next: fix it in {}\n  and check again; a hint: cargo run -- exercise hint", copy.display()))?;
    Err(Ending { exit: Exit::Failed, message: format!("{name} is not fixed yet") }.into())
}
