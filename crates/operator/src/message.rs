//! The payload and the headers of a message, as text and as JSON.

use async_nats::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

/// Text on one line, without characters that a terminal would obey.
pub(crate) fn one_line(text: &str) -> String {
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
pub(crate) fn bytes_line(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), one_line)
}

/// JSON over several lines, any other bytes on one.
pub(crate) fn indented(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(json) => format!("{json:#}").lines().map(one_line).collect::<Vec<_>>().join("\n"),
        Err(_) => bytes_line(bytes),
    }
}

/// Adds a payload to a JSON object: as `payload` if it is JSON itself, as `text` otherwise.
pub(crate) fn put_payload(object: &mut Value, bytes: &[u8]) {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(payload) => object["payload"] = payload,
        Err(_) => {
            let text = str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), str::to_owned);
            object["text"] = text.into();
        }
    }
}

/// Headers with their values, in the order of their names.
pub(crate) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |values: &Vec<HeaderValue>| values.iter().map(HeaderValue::as_str).collect::<Vec<_>>().join(", ");
    let mut headers: Vec<_> = headers.iter().map(|(name, values)| (name.to_string(), text(values))).collect();
    headers.sort_unstable();
    headers
}

/// Headers as a JSON object.
pub(crate) fn headers_json(all: &HeaderMap) -> Value {
    headers(all).into_iter().map(|(name, text)| (name, Value::from(text))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{bytes_line, put_payload};

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
    fn a_payload_that_is_not_json_is_shown_as_text() {
        for (bytes, expected) in [
            (&br#"{"id":"123"}"#[..], json!({ "payload": { "id": "123" } })),
            (b"oops", json!({ "text": "oops" })),
            (b"", json!({ "text": "" })),
            (b"\xff", json!({ "text": r"\xff" })),
        ] {
            let mut object = json!({});
            put_payload(&mut object, bytes);
            assert_eq!(object, expected);
        }
    }
}
