//! A dead letter as it is printed: as a row, as a page, as JSON.

use bus::DeadLetter;
use events::timestamp;
use serde_json::{Value, json};

use crate::console::{Table, heading};
use crate::message::{headers, headers_json, indented, one_line, put_payload};
use crate::times::seconds;

/// The longest reason in a table, in characters.
const MAX_REASON_CHARS: usize = 80;

/// A row of the table of dead letters.
pub(crate) type Row = [String; 8];

/// One dead letter of many.
pub(crate) fn row(letter: &DeadLetter) -> Row {
    [
        letter.number.to_string(),
        seconds(letter.since),
        letter.group.clone(),
        letter.subject.clone(),
        one_line(&letter.event_id),
        letter.deliveries.to_string(),
        letter.failures.to_string(),
        shortened(one_line(&letter.reason)),
    ]
}

/// The table of dead letters.
pub(crate) fn table() -> Table<8> {
    let all = Table::new(["NUMBER", "TIME", "GROUP", "SUBJECT", "EVENT-ID", "DELIVERIES", "FAILURES", "REASON"]);
    all.of_which_fit(&["NUMBER", "GROUP", "SUBJECT", "REASON"])
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_REASON_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Everything about a dead letter, for a program.
pub(crate) fn object(letter: &DeadLetter) -> Value {
    let mut object = json!({
        "number": letter.number,
        "time": timestamp::text(&letter.since),
        "group": letter.group,
        "subject": letter.subject,
        "sequence": letter.sequence,
        "eventId": letter.event_id,
        "deliveries": letter.deliveries,
        "failures": letter.failures,
        "reason": letter.reason,
        "history": letter.history,
        "headers": headers_json(&letter.headers),
        "wholeSize": letter.whole_size,
    });
    put_payload(&mut object, &letter.payload);
    object
}

/// Everything about a dead letter, for a person.
pub(crate) fn page(letter: &DeadLetter) -> String {
    let (size, kept) = (letter.whole_size, letter.payload.len() as u64);
    let size = if size > kept { format!("{size} bytes, of which {kept} are kept") } else { format!("{size} bytes") };
    let mut lines = vec![
        heading(format_args!("Dead letter #{}", letter.number)),
        format!("  time        {}", timestamp::text(&letter.since)),
        format!("  group       {}", letter.group),
        format!("  subject     {}", letter.subject),
        format!("  sequence    #{}", letter.sequence),
        format!("  event id    {}", one_line(&letter.event_id)),
        format!("  deliveries  {}", letter.deliveries),
        format!("  failures    {}", letter.failures),
        format!("  reason      {}", one_line(&letter.reason)),
    ];
    let mut add = |head: &str, section: Vec<String>| {
        lines.push(heading(head));
        lines.extend(section.into_iter().map(|line| format!("  {line}")));
    };
    let headers = headers(&letter.headers).into_iter().map(|(name, text)| format!("{name}: {}", one_line(&text)));
    add("Headers", headers.collect());
    let history = letter.history.iter().map(|one| format!("{}  {}", timestamp::text(&one.at), one_line(&one.error)));
    add("History", history.collect());
    add(&format!("Payload, {size}"), indented(&letter.payload).lines().map(str::to_owned).collect());
    lines.join("\n")
}
