//! What commands print: results on stdout, remarks and progress on stderr.
//!
//! Styles show on a terminal only, and not if the environment says `NO_COLOR` or `TERM=dumb`.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::builder::styling::Style;
use serde::Serialize;
use service::Error;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long a long task may be silent.
const SILENT_AT_MOST: Duration = Duration::from_secs(2);

/// The style of the head of a table, and of the headings of a page.
const HEAD: Style = Style::new().bold();

/// Prints a line to stdout. A reader that has closed it is not an error.
///
/// # Errors
///
/// If stdout cannot be written to: a file on a full disk.
pub fn say(line: impl Display) -> Result<(), Error> {
    written(writeln!(anstream::stdout().lock(), "{line}")).map(drop)
}

/// Prints a value to stdout as indented JSON.
///
/// # Errors
///
/// As [`say`].
pub fn say_json(value: &impl Serialize) -> Result<(), Error> {
    say(serde_json::to_string_pretty(value)?)
}

/// Prints a line to stdout without blocking other tasks while its reader pauses. The answer is whether anybody still
/// reads: `tail | head -1` is not a failure.
///
/// # Errors
///
/// As [`say`].
pub async fn print(line: String) -> Result<bool, Error> {
    written(spawn_blocking(move || writeln!(anstream::stdout().lock(), "{line}")).await?)
}

/// Whether the reader was there.
fn written(result: io::Result<()>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("failed to write to stdout"),
    }
}

/// Prints a line to stderr.
pub fn remark(line: impl Display) {
    writeln!(anstream::stderr().lock(), "{line}").ok();
}

/// Reports on stderr how far a long task is, at most every two seconds.
#[derive(Debug)]
pub struct Progress(Instant);

impl Progress {
    /// The progress of a task that begins now.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Prints the line, if nothing was printed for two seconds.
    pub fn report(&mut self, line: impl Display) {
        if self.0.elapsed() >= SILENT_AT_MOST {
            remark(line);
            self.printed();
        }
    }

    /// Notes that something else was printed.
    pub fn printed(&mut self) {
        self.0 = Instant::now();
    }
}

/// Does a task that can't report how far it is, and prints what it does every two seconds.
pub async fn reporting<T>(what: &str, task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    loop {
        match timeout(SILENT_AT_MOST, &mut task).await {
            Ok(done) => return done,
            Err(_) => remark(what),
        }
    }
}

/// Asks on stderr, and reads the answer from stdin: whether it is `yes`.
///
/// # Errors
///
/// If stdin cannot be read.
pub async fn confirmed(question: &str) -> Result<bool, Error> {
    remark(format_args!("{question} Type yes:"));
    let answer = spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    Ok(answer.await?.context("failed to read the answer from stdin")?.trim() == "yes")
}

/// A number of things: `1 event`, `2 events`.
pub fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A heading, in the style of the head of a table.
pub fn heading(text: impl Display) -> String {
    format!("{HEAD}{text}{HEAD:#}")
}

/// A table with a head and one line for each row. The last column may have any width.
pub fn table<const COLUMNS: usize>(head: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    Table::new(head).page(rows)
}

/// A table that is printed in pages. A column may become wider from one page to the next.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    /// The head, until it is printed.
    head: Option<[String; COLUMNS]>,
    widths: [usize; COLUMNS],
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with this head.
    pub fn new(head: [&str; COLUMNS]) -> Self {
        Self { head: Some(head.map(str::to_owned)), widths: [0; COLUMNS] }
    }

    /// The lines of these rows; the first page begins with the head.
    pub fn page(&mut self, rows: &[[String; COLUMNS]]) -> String {
        for row in rows.iter().chain(&self.head) {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let line = |row: &[String; COLUMNS]| {
            let cells = row.iter().zip(self.widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let head = self.head.take().map(|head| heading(line(&head)));
        head.into_iter().chain(rows.iter().map(line)).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{HEAD, table};

    #[test]
    fn the_columns_of_a_table_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["ähnlich".to_owned(), "2".to_owned()]];
        let shown = table(["NAME", "N"], &rows);
        assert_eq!(shown, format!("{HEAD}NAME     N{HEAD:#}\na        1\nähnlich  2"));
    }
}
