//! What commands print: results on stdout, remarks and progress on stderr.
//!
//! Styles show on a terminal only, and not if the environment says `NO_COLOR` or `TERM=dumb`.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
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

/// How many characters a line on a terminal has at most: the width that a terminal has if nobody changes it.
pub(crate) const WIDTH: usize = 80;

/// A last column that would be narrower is not folded.
const NARROWEST: usize = 12;

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

/// Whether a person reads the results, so that they must fit into a terminal.
pub(crate) fn is_read() -> bool {
    io::stdout().is_terminal()
}

/// Joins parts to lines of at most this many characters, if that is possible. A part that is longer is broken at its blanks.
pub(crate) fn fold<'a>(parts: impl IntoIterator<Item = &'a str>, between: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut add = |part: &str, between: &str| {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(part);
        } else if [line.as_str(), between, part].iter().map(|text| text.chars().count()).sum::<usize>() <= width {
            line.push_str(between);
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    };
    for part in parts {
        if part.chars().count() <= width {
            add(part, between);
            continue;
        }
        let mut between = between;
        for word in part.split_whitespace() {
            add(word, between);
            between = " ";
        }
    }
    lines
}

/// A number of things: `1 event`, `2 events`.
pub fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A heading, in the style of the head of a table.
pub fn heading(text: impl Display) -> String {
    format!("{HEAD}{text}{HEAD:#}")
}

/// A table with a head and one line for each row. The last column may have any width; on a terminal, it is folded.
pub fn table<const COLUMNS: usize>(head: [&'static str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    Table::new(head).page(rows)
}

/// A table that is printed in pages. A column may become wider from one page to the next.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    head: [&'static str; COLUMNS],
    is_begun: bool,
    /// Which columns are shown.
    shown: [bool; COLUMNS],
    widths: [usize; COLUMNS],
    /// Whether the last column is folded.
    is_folded: bool,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with this head.
    pub fn new(head: [&'static str; COLUMNS]) -> Self {
        Self { head, is_begun: false, shown: [true; COLUMNS], widths: [0; COLUMNS], is_folded: is_read() }
    }

    /// On a terminal, only these columns are shown: all of them would not fit.
    pub(crate) fn of_which_fit(mut self, columns: &[&str]) -> Self {
        if self.is_folded {
            self.shown = self.head.map(|name| columns.contains(&name));
        }
        self
    }

    /// The lines of these rows; the first page begins with the head.
    pub fn page(&mut self, rows: &[[String; COLUMNS]]) -> String {
        let head = self.head.map(str::to_owned);
        for row in rows.iter().chain((!self.is_begun).then_some(&head)) {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let head = (!self.is_begun).then(|| heading(self.line(&head)));
        self.is_begun = true;
        head.into_iter().chain(rows.iter().map(|row| self.line(row))).collect::<Vec<_>>().join("\n")
    }

    /// One row; several lines if the last cell is folded.
    fn line(&self, row: &[String; COLUMNS]) -> String {
        let shown = row.iter().zip(self.widths).zip(self.shown).filter(|(_, is_shown)| *is_shown);
        let mut cells: Vec<_> = shown.map(|((cell, width), _)| (cell.as_str(), width)).collect();
        let Some((last, _)) = cells.pop() else { return String::new() };
        let before: String = cells.iter().map(|(cell, width)| format!("{cell:width$}  ")).collect();
        let indent = before.chars().count();
        let room = WIDTH.saturating_sub(indent);
        if !self.is_folded || last.chars().count() <= room || room < NARROWEST {
            return format!("{before}{last}").trim_end().to_owned();
        }
        let lines = fold(last.split_whitespace(), " ", room).join(&format!("\n{:indent$}", ""));
        format!("{before}{lines}")
    }
}

#[cfg(test)]
mod tests {
    use super::{HEAD, Table, WIDTH, fold, table};

    #[test]
    fn the_columns_of_a_table_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["ähnlich".to_owned(), "2".to_owned()]];
        let shown = table(["NAME", "N"], &rows);
        assert_eq!(shown, format!("{HEAD}NAME     N{HEAD:#}\na        1\nähnlich  2"));
    }

    #[test]
    fn on_a_terminal_the_last_column_is_folded_and_what_does_not_fit_is_left_out() {
        let on_a_terminal = Table { is_folded: true, ..Table::new(["NAME", "ID", "REASON"]) };
        let mut table = on_a_terminal.of_which_fit(&["NAME", "REASON"]);
        let words = "word ".repeat(20);
        let rows = [
            ["a".to_owned(), "i".repeat(70), words.trim().to_owned()],
            ["b".to_owned(), String::new(), "x".repeat(100)],
            ["c".to_owned(), String::new(), String::new()],
        ];
        let shown = table.page(&rows);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], format!("{HEAD}NAME  REASON{HEAD:#}"));
        assert_eq!(lines[1], format!("a     {}", "word ".repeat(14) + "word"));
        assert_eq!(lines[2], format!("      {}", "word ".repeat(4) + "word"));
        assert_eq!(lines[3], format!("b     {}", "x".repeat(100))); // a word is not broken
        assert_eq!(lines[4], "c");
        assert!(lines[1].chars().count() <= WIDTH);
    }

    #[test]
    fn parts_stay_together_as_long_as_they_fit() {
        for (parts, lines) in [
            (&["id 1", "title a b"][..], &["id 1", "title a b"][..]),
            (&["a", "b", "c"], &["a  b  c"]),
            (&["title a long name", "x"], &["title a", "long name", "x"]),
            (&["0123456789012", "x"], &["0123456789012", "x"]),
            (&["äöüäöüäöü", "ä"], &["äöüäöüäöü", "ä"]),
            (&[], &[""]),
        ] {
            assert_eq!(fold(parts.iter().copied(), "  ", 10), lines, "{parts:?}");
        }
    }
}
