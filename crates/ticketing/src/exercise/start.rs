//! `exercise start`

use operator::console::say;
use service::Error;

use super::chosen::Chosen;

pub(super) fn start(chosen: &mut Chosen, name: &str) -> Result<(), Error> {
    let (bug, exercise) = chosen.named(name)?;
    let copy = chosen.folder.start(name, &bug, &chosen.root)?;
    say(&exercise.symptom)?;
    say(format_args!("\nThe sources with the bug are in {}", copy.display()))?;
    say(format_args!("Expected: {}\n  {}", exercise.test.sentence(), exercise.test.file(&copy)))?;
    say("\nFind the bug and fix it there, and leave the test as it is. All commands run here, in the checkout.")?;
    say("Next: cargo run -- exercise check    shows what is seen instead (the first build takes some minutes)")
}
