//! The selection of dead letters on the command line.

use std::vec;

use anyhow::ensure;
use bus::{Bus, DeadLetter, Name, Reader, dead_letter_stream};
use clap::{ArgGroup, Args};
use events::Subject;
use service::Error;

use super::letter::{row, table};
use crate::console::{Progress, print, remark};
use crate::program;

/// Selects the dead letters that match all given options.
#[derive(Args, Clone, Debug)]
pub(crate) struct Selection {
    /// The numbers of dead letters
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    numbers: Vec<u64>,
    /// Select the dead letters of this event; can be given more than once
    #[arg(long, value_name = "ID")]
    event_id: Vec<String>,
    /// Select the dead letters of this subject; can be given more than once
    #[arg(long, value_name = "SUBJECT")]
    subject: Vec<Subject>,
    /// Select the dead letters of this queue group; can be given more than once
    #[arg(long, value_name = "NAME")]
    group: Vec<Name>,
    /// Select all dead letters
    #[arg(long, conflicts_with_all = ["numbers", "event_id", "subject", "group"])]
    all: bool,
}

/// The rule that at least one option of the selection must be given.
pub(crate) fn selection_required() -> ArgGroup {
    ArgGroup::new("selected").args(["numbers", "event_id", "subject", "group", "all"]).required(true).multiple(true)
}

/// The selected dead letters that existed when reading began, one after the other. One that fails again becomes a new
/// letter, which is left alone.
#[derive(Debug)]
pub(crate) struct Letters<'a> {
    bus: &'a Bus,
    selection: &'a Selection,
    source: Source,
    found: u64,
    missing: Vec<String>,
    progress: Progress,
}

#[derive(Debug)]
enum Source {
    Numbers(vec::IntoIter<u64>),
    All(Box<Reader>),
}

/// How many rows of a table are held in memory.
const PAGE: usize = 500;

/// Prints a table of the letters, page by page.
pub(crate) async fn list(letters: &mut Letters<'_>) -> Result<(), Error> {
    let mut table = table();
    loop {
        let mut page = Vec::new();
        while page.len() < PAGE
            && let Some(letter) = letters.next().await?
        {
            page.push(row(&letter));
        }
        let is_last = page.len() < PAGE;
        if !page.is_empty() && !print(table.page(&page)).await? || is_last {
            return Ok(());
        }
    }
}

impl Selection {
    /// Reads the selected dead letters that exist now.
    pub(crate) async fn letters<'a>(&'a self, bus: &'a Bus) -> Result<Letters<'a>, Error> {
        let source = if self.numbers.is_empty() {
            Source::All(Box::new(Reader::of_dead_letters(bus).await?))
        } else {
            let mut numbers = self.numbers.clone();
            numbers.sort_unstable();
            numbers.dedup();
            Source::Numbers(numbers.into_iter())
        };
        Ok(Letters { bus, selection: self, source, found: 0, missing: Vec::new(), progress: Progress::begin() })
    }

    /// Lists the selected dead letters.
    pub(crate) async fn list(&self, bus: &Bus) -> Result<(), Error> {
        let mut letters = self.letters(bus).await?;
        list(&mut letters).await?;
        letters.close().await
    }

    fn matches(&self, letter: &DeadLetter) -> bool {
        let Self { numbers: _, event_id, subject, group, all: _ } = self;
        (event_id.is_empty() || event_id.contains(&letter.event_id))
            && (subject.is_empty() || subject.iter().any(|subject| subject.as_str() == letter.subject))
            && (group.is_empty() || group.iter().any(|group| group.as_str() == letter.group))
    }
}

impl Letters<'_> {
    /// The next letter; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<DeadLetter>, Error> {
        loop {
            let letter = match &mut self.source {
                Source::Numbers(numbers) => {
                    let Some(number) = numbers.next() else { return Ok(None) };
                    let found = DeadLetter::find(self.bus, number).await?;
                    if found.is_none() {
                        self.missing.push(format!("#{number}"));
                    }
                    found
                }
                Source::All(reader) => {
                    let last = reader.last();
                    let Some(message) = reader.try_next().await?.filter(|message| message.sequence <= last) else {
                        return Ok(None);
                    };
                    self.progress.report(format_args!("Read up to #{} of #{last}", message.sequence));
                    let letter = DeadLetter::read(&message);
                    if letter.is_none() {
                        let (number, stream) = (message.sequence, dead_letter_stream(self.bus.cluster_id()));
                        tracing::warn!("message #{number} of {stream} is not a dead letter, and is left out");
                    }
                    letter
                }
            };
            if let Some(letter) = letter.filter(|letter| self.selection.matches(letter)) {
                self.found += 1;
                return Ok(Some(letter));
            }
        }
    }

    /// How many letters were found until now.
    pub(crate) fn found(&self) -> u64 {
        self.found
    }

    /// Ends reading.
    ///
    /// # Errors
    ///
    /// If a number does not exist, or an event that was named has no letter. That a group, a subject, or all have none is a
    /// remark: there is nothing to do.
    pub(crate) async fn close(self) -> Result<(), Error> {
        if let Source::All(reader) = self.source {
            reader.close().await;
        }
        let missing = &self.missing;
        ensure!(missing.is_empty(), "there is no dead letter {}", missing.join(", "));
        if self.found > 0 {
            return Ok(());
        }
        let Selection { numbers, event_id, subject, group, .. } = self.selection;
        let no_match = format!("no dead letter matches; {} lists all", program::command("dlq ls"));
        ensure!(numbers.is_empty() && event_id.is_empty(), "{no_match}");
        if subject.is_empty() && group.is_empty() {
            remark("There are no dead letters.");
        } else {
            remark(no_match);
        }
        Ok(())
    }
}
