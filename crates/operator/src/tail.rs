//! `tail`: prints events as they arrive.

use std::time::Duration;

use bus::{Bus, Delivery, Reader, Start};
use clap::Args;
use clap::builder::styling::{AnsiColor, Style};
use events::{Subject, timestamp};
use serde_json::{Value, json};
use service::{Error, Exit, Scope, Stopping};
use telemetry::CORRELATION_ID;
use time::{OffsetDateTime, UtcOffset};

use crate::broker::Broker;
use crate::console::{Progress, WIDTH, fold, is_read, print, remark};
use crate::message::{bytes_line, headers_json, one_line, put_payload};
use crate::times::{clock, length, local_offset};

/// Stands for a value that is absent.
const NONE: &str = "-";

/// How far the payload is indented on a terminal: as the subject is, behind the time.
const INDENT: usize = 10;

/// How an event is printed.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// For programs.
    Json,
    /// On one line, with everything.
    Line,
    /// For a terminal of 80 columns, at this offset from UTC.
    Short(UtcOffset),
}

/// Which events are printed, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Tail {
    #[command(flatten)]
    broker: Broker,
    /// Begin with the first event in the stream
    #[arg(long, conflicts_with = "since")]
    all: bool,
    /// Begin with the events of the last 10m, 2h or 1day
    #[arg(long, value_name = "TIME", value_parser = length)]
    since: Option<Duration>,
    /// Print only events of this subject; can be given more than once
    #[arg(long, value_name = "SUBJECT")]
    subject: Vec<Subject>,
    /// Print only events about this ticket, order or user: with this id in `id` or any `...Id` of the payload
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Stop after this number of events
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Print one JSON object on each line
    #[arg(long)]
    json: bool,
}

impl Tail {
    pub(crate) fn run(self) -> Exit {
        self.broker.clone().run("tail", async move |bus, scope| self.tail(&bus, &scope).await)
    }

    async fn tail(&self, bus: &Bus, scope: &Scope<()>) -> Result<(), Error> {
        let subjects = if self.subject.is_empty() { &Subject::ALL[..] } else { &self.subject };
        let mut reader = Reader::of_events(bus, subjects, self.start()).await?;
        remark("Listening; Ctrl-C stops it.");
        let form = if self.json {
            Form::Json
        } else if is_read() {
            Form::Short(local_offset())
        } else {
            Form::Line
        };
        let followed = self.follow(&mut reader, form, &scope.stopping()).await;
        reader.close().await;
        followed
    }

    fn start(&self) -> Start {
        match self.since {
            _ if self.all => Start::All,
            None => Start::New,
            Some(since) => {
                let since = since.try_into().ok().and_then(|since| OffsetDateTime::now_utc().checked_sub(since));
                since.map_or(Start::All, Start::Since) // longer ago than time can tell
            }
        }
    }

    /// Whether every event is printed, so that each number that is left out belongs to something else.
    fn is_everything(&self) -> bool {
        self.subject.is_empty() && self.id.is_none()
    }

    async fn follow(&self, reader: &mut Reader, form: Form, stopping: &Stopping) -> Result<(), Error> {
        let (mut left, mut progress) = (self.count, Progress::begin());
        let mut gap = self.is_everything().then(Gap::default);
        while left != Some(0) {
            let Some(delivery) = stopping.or(reader.next()).await else { break };
            let delivery = delivery?;
            if !self.id.as_ref().is_none_or(|id| is_about(&delivery, id)) {
                if delivery.sequence < reader.last() {
                    progress.report(format_args!("Searched up to #{} of #{}", delivery.sequence, reader.last()));
                }
                continue;
            }
            if let (Form::Short(_), Some(gap)) = (form, &mut gap) {
                gap.explain(delivery.sequence);
            }
            let shown = match form {
                Form::Json => object(&delivery),
                Form::Line => line(&delivery),
                Form::Short(offset) => short(&delivery, offset),
            };
            let Some(printed) = stopping.or(print(shown)).await else { break };
            if !printed? {
                break;
            }
            progress.printed();
            left = left.map(|left| left - 1);
        }
        Ok(())
    }
}

/// Explains the first number that is left out between two events.
#[derive(Debug, Default)]
struct Gap {
    last: Option<u64>,
    is_explained: bool,
}

impl Gap {
    fn explain(&mut self, sequence: u64) {
        let expected = self.last.replace(sequence).map_or(sequence, |last| last + 1);
        if sequence > expected && !self.is_explained {
            self.is_explained = true;
            remark(format_args!("(#{expected} is not an event but a schedule, or withdrawn; more in tail --help)"));
        }
    }
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a str> {
    delivery.headers.get(name).map(async_nats::HeaderValue::as_str)
}

fn line(delivery: &Delivery) -> String {
    let text = |text: Option<&str>| text.map_or_else(|| NONE.to_owned(), one_line);
    let (time, subject, sequence) = (timestamp::text(&delivery.published), &delivery.subject, delivery.sequence);
    let (id, correlation_id) = (text(delivery.event_id()), text(header(delivery, CORRELATION_ID)));
    let redriven = delivery.redriven_for().map(|group| format!(" (redriven, for {} only)", one_line(group)));
    let (payload, redriven) = (bytes_line(&delivery.payload), redriven.unwrap_or_default());
    format!("{time} {subject} #{sequence} {id} {correlation_id} {payload}{redriven}")
}

/// A line about the event, and the lines of its payload, that fit into a terminal. The ids are shortened, the correlation
/// id is the last one.
fn short(delivery: &Delivery, offset: UtcOffset) -> String {
    let (time, sequence) = (clock(delivery.published, offset), format!("#{}", delivery.sequence));
    let colour = colour(&delivery.subject);
    let id = |text: Option<&str>| text.map_or_else(|| NONE.to_owned(), |text| end_of(&one_line(text)));
    let (event, request) = (id(delivery.event_id()), id(header(delivery, CORRELATION_ID)));
    let subject = one_line(&delivery.subject);
    let redriven = delivery.redriven_for().map(|group| format!("(redriven, for {} only)", one_line(group)));
    let mut fields = Vec::from_iter(redriven);
    match serde_json::from_slice(&delivery.payload) {
        Ok(payload @ Value::Object(_)) => collect("", &payload, &mut fields),
        _ => fields.push(bytes_line(&delivery.payload)),
    }
    let payload = fold(fields.iter().map(String::as_str), "  ", WIDTH - INDENT).join(&format!("\n{:INDENT$}", ""));
    format!(
        "{time}  {colour}{subject:<19}{colour:#}  {sequence:<6}  event {event}  request {request}\n{:INDENT$}{payload}",
        ""
    )
}

/// One colour for each subject; those that are added later share them.
fn colour(subject: &str) -> Style {
    const COLOURS: [AnsiColor; 7] = [
        AnsiColor::Green,
        AnsiColor::Cyan,
        AnsiColor::Blue,
        AnsiColor::Magenta,
        AnsiColor::Yellow,
        AnsiColor::Red,
        AnsiColor::BrightRed,
    ];
    let index = Subject::ALL.iter().position(|one| one.as_str() == subject).unwrap_or_default();
    COLOURS[index % COLOURS.len()].on_default()
}

/// The end of an id, which tells it from those that were made at the same time.
fn end_of(id: &str) -> String {
    let all = id.chars().count();
    if all <= 8 { id.to_owned() } else { format!("…{}", id.chars().skip(all - 5).collect::<String>()) }
}

/// The fields of an object with their values, those of objects in it as `ticket.price 20`.
fn collect(before: &str, value: &Value, fields: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{before}{}", one_line(name));
        match value {
            Value::Object(_) => collect(&format!("{path}."), value, fields),
            Value::String(id) if is_id(name) => fields.push(format!("{path} {}", end_of(&one_line(id)))),
            Value::String(text) => fields.push(format!("{path} {}", one_line(text))),
            other => fields.push(format!("{path} {}", one_line(&other.to_string()))),
        }
    }
}

/// Whether a field of this name has an id.
fn is_id(name: &str) -> bool {
    name == "id" || name.ends_with("Id")
}

fn object(delivery: &Delivery) -> String {
    let mut object = json!({
        "time": timestamp::text(&delivery.published),
        "subject": delivery.subject,
        "sequence": delivery.sequence,
        "eventId": delivery.event_id(),
        "correlationId": header(delivery, CORRELATION_ID),
        "headers": headers_json(&delivery.headers),
    });
    put_payload(&mut object, &delivery.payload);
    object.to_string()
}

fn is_about(delivery: &Delivery, id: &str) -> bool {
    serde_json::from_slice(&delivery.payload).is_ok_and(|payload| names(&payload, id))
}

/// Whether a field for ids has this value, at any depth.
fn names(value: &Value, id: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| (is_id(name) && value.as_str() == Some(id)) || names(value, id))
        }
        Value::Array(values) => values.iter().any(|value| names(value, id)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::names;

    #[test]
    fn an_id_is_found_in_the_fields_for_ids_and_nowhere_else() {
        let event =
            json!({ "id": "a", "title": "b", "ticket": { "id": "c" }, "all": [{ "orderId": "d" }], "ids": "e" });
        let found: Vec<_> = ["a", "b", "c", "d", "e"].into_iter().filter(|id| names(&event, id)).collect();
        assert_eq!(found, ["a", "c", "d"]);
    }
}
