//! `exercise solution`

use anyhow::{Context, ensure};
use operator::console::say;
use service::Error;
use tokio::process::Command;

use super::chosen::Chosen;

pub(super) async fn print(chosen: &Chosen, name: Option<String>) -> Result<(), Error> {
    let (bug, exercise) = chosen.started(name)?;
    let copy = chosen.folder.copy(&exercise.name);
    say(format_args!("The bug: {}\n", bug.sentence))?;
    let mut differs = false;
    for file in &bug.touches {
        let mut git = Command::new("git");
        git.args(["--no-pager", "diff", "--no-index", "--"]).arg(copy.join(file)).arg(chosen.root.join(file));
        let status = git.kill_on_drop(true).status().await.context("failed to run git: is it installed?")?;
        ensure!(matches!(status.code(), Some(0 | 1)), "git diff: {status}");
        differs |= status.code() == Some(1);
    }
    if !differs {
        return say("The copy is as the sources are without the bug.");
    }
    say("\nTo take it over:")?;
    for file in &bug.touches {
        say(format_args!("  cp {} {}", chosen.root.join(file).display(), copy.join(file).display()))?;
    }
    say(format_args!("Next: cargo run -- exercise check {}", exercise.name))
}
