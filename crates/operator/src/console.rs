//! What these tools print.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::{Map, Value};
use service::{Error, Stopped};
use tokio::task::spawn_blocking;

/// How long nothing may be seen of a work that goes on.
const SEEN_EVERY: Duration = Duration::from_secs(2);

/// Prints a line for whoever started the command; that nobody reads it is not an error.
pub fn say(line: impl Display) -> Result<(), Error> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("failed to write to stdout"),
        _ => Ok(()),
    }
}

/// Prints a line, and tells whether anybody reads on: `tail | head -1` is no failure. A reader that pauses stops nobody
/// but the one who waits here.
pub async fn print(line: String) -> Result<bool, Error> {
    match spawn_blocking(move || writeln!(io::stdout().lock(), "{line}")).await? {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("writing to stdout"),
    }
}

/// An error of a start; whoever was asked to stop meanwhile has done nothing of what it was for.
pub fn unless_stopped(error: Error) -> Error {
    if error.is::<Stopped>() { anyhow!("stopped before anything was done") } else { error }
}

/// Says something on stderr, beside what was asked for.
pub fn remark(line: impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

/// Says on stderr how far a long work is.
#[derive(Debug)]
pub struct Progress(Instant);

impl Progress {
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Says it, when nothing was seen for two seconds.
    pub fn tell(&mut self, line: impl Display) {
        if self.0.elapsed() >= SEEN_EVERY {
            remark(line);
            self.seen();
        }
    }

    /// Something else was printed.
    pub fn seen(&mut self) {
        self.0 = Instant::now();
    }
}

/// Says how much is left, whenever nothing was said of it for two seconds: `1200 messages to read`.
pub fn progress<N: Display>(what: &'static str) -> impl FnMut(N) {
    let mut progress = Progress::new();
    move |left| progress.tell(format_args!("{left} {what}"))
}

/// A table with a line for each row; its last column may be of any width.
pub fn table<const COLUMNS: usize>(head: [&str; COLUMNS], rows: Vec<[String; COLUMNS]>) -> String {
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let length = |text: &String| text.chars().count();
    let width = |column: usize| rows.iter().map(|row| length(&row[column])).max().unwrap_or_default();
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A text on one line, with nothing in it that a terminal would obey.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\n' | '\r' | '\t' => line.push(' '),
            sign if sign.is_control() => line.extend(sign.escape_unicode()),
            sign => line.push(sign),
        }
    }
    line
}

/// Bytes on one line.
pub fn bytes_line(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), one_line)
}

/// Adds a payload to a JSON object: under `payload` when it is JSON itself, else as `text`.
pub fn put_payload(object: &mut Value, bytes: &[u8]) {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(payload) => object["payload"] = payload,
        Err(_) => {
            object["text"] =
                str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), str::to_owned).into()
        }
    }
}

/// Headers by name, in the order of their names.
pub fn headers(headers: &async_nats::HeaderMap) -> Vec<(String, String)> {
    let text = |values: &Vec<async_nats::HeaderValue>| {
        values.iter().map(async_nats::HeaderValue::as_str).collect::<Vec<_>>().join(", ")
    };
    let mut headers: Vec<_> = headers.iter().map(|(name, values)| (name.to_string(), text(values))).collect();
    headers.sort_unstable();
    headers
}

/// Headers as a JSON object.
pub fn headers_json(all: &async_nats::HeaderMap) -> Value {
    headers(all).into_iter().map(|(name, text)| (name, Value::from(text))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{bytes_line, put_payload, table};

    #[test]
    fn the_columns_of_a_table_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["ähnlich".to_owned(), "2".to_owned()]];
        assert_eq!(table(["NAME", "N"], rows.to_vec()), "NAME     N\na        1\nähnlich  2");
    }

    #[test]
    fn nothing_that_is_shown_commands_the_terminal() {
        for (bytes, shown) in [
            (&b"{\n\t\"a\": 1 }"[..], r#"{  "a": 1 }"#),
            (b"\x1b[2Jgone", r"\u{1b}[2Jgone"),
            (b"\xffnot text\x1b", r"\xffnot text\x1b"),
        ] {
            assert_eq!(bytes_line(bytes), shown);
        }
    }

    #[test]
    fn what_is_no_json_stands_as_a_text() {
        for (bytes, expected) in [
            (&br#"{"id":"123"}"#[..], json!({ "payload": { "id": "123" } })),
            (b"oops", json!({ "text": "oops" })),
            (b"\xff", json!({ "text": r"\xff" })),
        ] {
            let mut object = json!({});
            put_payload(&mut object, bytes);
            assert_eq!(object, expected);
        }
    }
}
