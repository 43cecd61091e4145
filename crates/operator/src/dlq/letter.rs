//! A dead letter, as it is shown.

use bus::DeadLetter;
use events::timestamp;
use serde_json::{Value, json};

use crate::console::{bytes_line, headers, headers_json, one_line, put_payload, table};

/// How much of a reason stands in a table, in characters.
const SHORT: usize = 80;

pub(crate) type Row = [String; 7];

/// One of many.
pub(crate) fn row(letter: &DeadLetter) -> Row {
    [
        letter.number.to_string(),
        timestamp::text(&letter.since),
        letter.group.clone(),
        letter.subject.clone(),
        one_line(&letter.event_id),
        letter.deliveries.to_string(),
        shortened(one_line(&letter.reason)),
    ]
}

pub(crate) fn rows(rows: Vec<Row>) -> String {
    table(["NUMBER", "TIME", "GROUP", "SUBJECT", "EVENT-ID", "TRIES", "REASON"], rows)
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// All there is to know, for a program.
pub(crate) fn object(letter: &DeadLetter) -> Value {
    let mut object = json!({
        "number": letter.number,
        "time": timestamp::text(&letter.since),
        "group": letter.group,
        "subject": letter.subject,
        "sequence": letter.sequence,
        "eventId": letter.event_id,
        "tries": letter.deliveries,
        "reason": letter.reason,
        "history": letter.history,
        "headers": headers_json(&letter.headers),
        "wholeSize": letter.whole_size,
    });
    put_payload(&mut object, &letter.payload);
    object
}

/// All there is to know, for a person.
pub(crate) fn page(letter: &DeadLetter) -> String {
    let (size, kept) = (letter.whole_size, letter.payload.len() as u64);
    let size = if size > kept { format!("{size} bytes, of which {kept} are kept") } else { format!("{size} bytes") };
    let mut lines = vec![
        format!("Dead letter #{}", letter.number),
        format!("  time      {}", timestamp::text(&letter.since)),
        format!("  group     {}", letter.group),
        format!("  subject   {}", letter.subject),
        format!("  sequence  #{}", letter.sequence),
        format!("  event id  {}", one_line(&letter.event_id)),
        format!("  tries     {}", letter.deliveries),
        format!("  reason    {}", one_line(&letter.reason)),
    ];
    let headers = headers(&letter.headers).into_iter().map(|(name, text)| format!("{name}: {}", one_line(&text)));
    let history = letter.history.iter().map(|one| format!("{}  {}", timestamp::text(&one.at), one_line(&one.error)));
    let payload = pretty(&letter.payload);
    for (head, section) in [
        ("Headers", headers.collect()),
        ("History", history.collect()),
        (&format!("Payload, {size}"), payload.lines().map(str::to_owned).collect::<Vec<_>>()),
    ] {
        if !section.is_empty() {
            lines.push(head.to_owned());
            lines.extend(section.into_iter().map(|line| format!("  {line}")));
        }
    }
    lines.join("\n")
}

/// JSON over several lines, anything else on one.
fn pretty(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(json) => format!("{json:#}").lines().map(one_line).collect::<Vec<_>>().join("\n"),
        Err(_) => bytes_line(bytes),
    }
}
