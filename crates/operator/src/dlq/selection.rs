//! Which dead letters.

use std::vec;

use anyhow::{anyhow, bail, ensure};
use bus::{Bus, DeadLetter, Name, Reader, dead_letter_stream};
use clap::{ArgGroup, Args};
use events::Subject;
use service::{Error, Stopping};

use super::letter::{Row, row, rows};
use crate::console::say;
use crate::console::{Progress, remark};

/// Dead letters must fit all that is said of them.
#[derive(Args, Clone, Debug)]
pub(crate) struct Selection {
    /// The dead letters with these numbers
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    numbers: Vec<u64>,
    /// Those of this event; may be given several times
    #[arg(long, value_name = "ID")]
    event_id: Vec<String>,
    /// Those of this subject; may be given several times
    #[arg(long, value_name = "SUBJECT")]
    subject: Vec<Subject>,
    /// Those of this queue group; may be given several times
    #[arg(long, value_name = "NAME")]
    group: Vec<Name>,
    /// All there are
    #[arg(long, conflicts_with_all = ["numbers", "event_id", "subject", "group"])]
    all: bool,
}

/// That one of them must be named.
pub(crate) fn named() -> ArgGroup {
    ArgGroup::new("named").args(["numbers", "event_id", "subject", "group", "all"]).required(true).multiple(true)
}

/// The selected ones, one after the other.
#[derive(Debug)]
pub(crate) struct Letters<'a> {
    bus: &'a Bus,
    selection: &'a Selection,
    source: Source,
    missing: Vec<String>,
    progress: Progress,
}

#[derive(Debug)]
enum Source {
    Numbers(vec::IntoIter<u64>),
    All(Box<Reader>),
}

impl Selection {
    /// Reads those that there are now.
    pub(crate) async fn letters<'a>(&'a self, bus: &'a Bus) -> Result<Letters<'a>, Error> {
        let source = if self.numbers.is_empty() {
            Source::All(Box::new(Reader::of_dead_letters(bus).await?))
        } else {
            let mut numbers = self.numbers.clone();
            numbers.sort_unstable();
            numbers.dedup();
            Source::Numbers(numbers.into_iter())
        };
        Ok(Letters { bus, selection: self, source, missing: Vec::new(), progress: Progress::new() })
    }

    /// Does something about all that there are now, or only lists them: what fails again becomes a new one. Then tells
    /// whether that was all that was asked for.
    pub(crate) async fn for_all<F: Future<Output = Result<(), Error>>>(
        &self,
        bus: &Bus,
        stopping: &Stopping,
        only_list: bool,
        act: impl FnOnce(Vec<u64>, Vec<Row>) -> F,
    ) -> Result<(), Error> {
        let Some(found) = stopping.or(self.found(bus)).await else { bail!("stopped before anything was done") };
        let (letters, all) = found?;
        let (numbers, listed): (Vec<_>, Vec<_>) = letters.into_iter().unzip();
        let done = match numbers.is_empty() {
            true => Ok(()),
            false if only_list => say(rows(listed)),
            false => act(numbers, listed).await,
        };
        if let (Err(_), Err(missing)) = (&done, &all) {
            remark(missing);
        }
        done.and(all)
    }

    /// Their numbers, with what is shown of them; and whether that is all that was asked for.
    async fn found(&self, bus: &Bus) -> Result<(Vec<(u64, Row)>, Result<(), Error>), Error> {
        let mut letters = self.letters(bus).await?;
        let mut found = Vec::new();
        while let Some(letter) = letters.next().await? {
            found.push((letter.number, row(&letter)));
        }
        let all = letters.close(found.len()).await;
        Ok((found, all))
    }

    /// Whether nothing was said of them.
    pub(crate) fn is_any(&self) -> bool {
        let Self { numbers, event_id, subject, group, all } = self;
        !all && numbers.is_empty() && event_id.is_empty() && subject.is_empty() && group.is_empty()
    }

    fn fits(&self, letter: &DeadLetter) -> bool {
        let Self { numbers: _, event_id, subject, group, all: _ } = self;
        (event_id.is_empty() || event_id.contains(&letter.event_id))
            && (subject.is_empty() || subject.iter().any(|subject| subject.as_str() == letter.subject))
            && (group.is_empty() || group.iter().any(|group| group.as_str() == letter.group))
    }
}

impl Letters<'_> {
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
                    let Some(message) = reader.try_next().await? else { return Ok(None) };
                    self.progress.tell(format_args!("Read up to #{} of #{}", message.sequence, reader.last()));
                    let letter = DeadLetter::read(&message);
                    if letter.is_none() {
                        let (number, stream) = (message.sequence, dead_letter_stream(self.bus.cluster_id()));
                        tracing::warn!(
                            "#{number} stands among the dead letters and is none of ours: `nats stream rmm {stream} \
                             {number}` removes it"
                        );
                    }
                    letter
                }
            };
            if let Some(letter) = letter.filter(|letter| self.selection.fits(letter)) {
                return Ok(Some(letter));
            }
        }
    }

    /// To be called at the end, with how many there were.
    ///
    /// # Errors
    ///
    /// When there were none, though some were named, or not all of those with numbers.
    pub(crate) async fn close(self, found: usize) -> Result<(), Error> {
        if let Source::All(reader) = self.source {
            reader.close().await;
        }
        let missing = &self.missing;
        ensure!(missing.is_empty(), "there is no dead letter {}", missing.join(", "));
        if found == 0 && !self.selection.is_any() {
            return Err(if self.selection.all { anyhow!("there are no dead letters") } else { nothing() });
        }
        Ok(())
    }
}

fn nothing() -> Error {
    anyhow!("no dead letter is like that; `ticketing bus dlq ls` shows those there are")
}
