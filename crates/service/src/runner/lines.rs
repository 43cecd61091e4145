//! The lines of a log, as a terminal shows them.

use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Map, Value};

/// The fields that are not shown among the others, since they have a place of their own, or only repeat it.
const IN_THEIR_PLACE: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];

/// A line of a log file, as `run` shows it on a terminal. A line that a logger has not written stays as it is.
pub(super) fn on_a_terminal(line: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return line.to_owned() };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let (Some(time), Some(level)) = (text("timestamp"), text("level")) else { return line.to_owned() };
    let (dimmed, style) = (Style::new().dimmed(), style(level));
    let mut shown = format!("{dimmed}{time}{dimmed:#} {style}{level:>5}{style:#} ");
    for span in fields.get("spans").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let name = span.get("name").and_then(Value::as_str).unwrap_or_default();
        write!(shown, "{name}{{{}}}: ", pairs(span, &["name"]).join(" ")).ok();
    }
    let message = text("message").map(str::to_owned);
    let words: Vec<_> = message.into_iter().chain(pairs(&fields, &IN_THEIR_PLACE)).collect();
    shown + &words.join(" ")
}

/// `key=value` for each field but these.
fn pairs(fields: &Map<String, Value>, without: &[&str]) -> Vec<String> {
    let shown = fields.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    shown
        .map(|(name, value)| match value {
            Value::String(text) if !text.contains(char::is_whitespace) => format!("{name}={text}"),
            value => format!("{name}={value}"),
        })
        .collect()
}

fn style(level: &str) -> Style {
    let colour = match level {
        "ERROR" => AnsiColor::Red,
        "WARN" => AnsiColor::Yellow,
        "INFO" => AnsiColor::Green,
        "DEBUG" => AnsiColor::Blue,
        _ => AnsiColor::Magenta,
    };
    colour.on_default()
}

#[cfg(test)]
mod tests {
    use super::on_a_terminal;

    fn plain(line: &str) -> String {
        anstream::adapter::strip_str(&on_a_terminal(line)).to_string()
    }

    #[test]
    fn a_line_is_time_level_spans_message_and_fields() {
        for (line, shown) in [
            (
                r#"{"timestamp":"T","level":"INFO","message":"reloaded","generation":2,"changed":"a, b","target":"t"}"#,
                r#"T  INFO reloaded generation=2 changed="a, b""#,
            ),
            (
                r#"{"timestamp":"T","level":"ERROR","message":"m","target":"t","span":{"name":"s"},"spans":[{"name":"s","id":"x"}]}"#,
                "T ERROR s{id=x}: m",
            ),
            (r#"{"timestamp":"T","level":"WARN","reason":"none"}"#, "T  WARN reason=none"),
        ] {
            assert_eq!(plain(line), shown);
        }
    }

    #[test]
    fn a_line_of_another_form_stays_as_it_is() {
        for line in ["", "7", "error: the disk is full", "{\"a\":1}", "[]", "{\"timestamp\":\"T\"}"] {
            assert_eq!(on_a_terminal(line), line);
        }
    }
}
