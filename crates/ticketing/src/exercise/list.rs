//! `exercise list`

use exercises::State;
use operator::console::{say, table};
use service::Error;

use super::chosen::Chosen;

pub(super) fn print(chosen: &Chosen) -> Result<(), Error> {
    let rows = chosen.all.iter().map(|(_, exercise)| {
        let state = match chosen.folder.state(&exercise.name) {
            State::New => "",
            State::Started => "started",
            State::Solved => "solved",
        };
        let seen = exercise.symptom.lines().next().unwrap_or_default();
        [exercise.name.clone(), exercise.section.clone(), state.to_owned(), seen.to_owned()]
    });
    say(table(["EXERCISE", "SECTION", "STATE", "WHAT IS SEEN"], &rows.collect::<Vec<_>>()))?;
    match chosen.next() {
        Some(next) => say(format_args!("\nNext: {next}")),
        None => say("\nAll are solved."),
    }
}
