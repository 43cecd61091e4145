//! A published message, and its encodings.

use std::sync::OnceLock;

use axum::extract::ws::{Message as Frame, Utf8Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

/// A message of a channel.
///
/// It is encoded once in each [`Format`], and once for WebSockets, for all readers together.
#[derive(Debug)]
pub struct Message {
    /// Its id, which is above those of the channel's earlier messages.
    pub id: u64,
    /// Its bytes, as they were published.
    pub body: Bytes,
    /// The epoch of the term of leadership that it was published in, if it was published in one.
    pub epoch: Option<u64>,
    encoded: [OnceLock<Bytes>; Format::ALL.len()],
    /// As a frame of a WebSocket, and as one with JSON.
    frames: [OnceLock<Frame>; 2],
}

/// How messages are written to an HTTP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The message and a newline.
    Lines,
    /// A JSON object with the message, its id and its epoch, and a newline.
    Json,
    /// A server-sent event (HTML standard, 9.2).
    Events,
    /// A part of multipart/x-mixed-replace, which replaces the part before it.
    Parts,
}

/// What separates the parts; no message contains it but by intent.
pub(crate) const BOUNDARY: &str = "the-next-message-of-this-channel";

impl Format {
    const ALL: [Self; 4] = [Self::Lines, Self::Json, Self::Events, Self::Parts];

    /// The media type of a stream.
    pub(crate) fn content_type(self) -> String {
        match self {
            Self::Lines => "text/plain; charset=utf-8".to_owned(),
            Self::Json => "application/x-ndjson".to_owned(),
            Self::Events => "text/event-stream".to_owned(),
            Self::Parts => format!("multipart/x-mixed-replace; boundary={BOUNDARY}"),
        }
    }

    /// How a stream begins that continues behind this id.
    pub(crate) fn opening(self, id: u64) -> Bytes {
        match self {
            Self::Lines | Self::Json => Bytes::from_static(b"\n"),
            // Without data it is no event, but it sets the id that a reader asks for when it returns.
            Self::Events => format!("id: {id}\n\n").into(),
            Self::Parts => format!("--{BOUNDARY}\r\n").into(),
        }
    }

    /// What is sent now and then so that both sides notice when the other is gone.
    pub(crate) fn keep_alive(self) -> Option<Bytes> {
        match self {
            Self::Lines | Self::Json => Some(Bytes::from_static(b"\n")),
            Self::Events => Some(Bytes::from_static(b":\n\n")),
            Self::Parts => None, // nothing can stand between two parts
        }
    }

    /// How a reader learns that it has missed messages; `None` if the format has no way to say it.
    pub(crate) fn missed(self, count: Option<u64>) -> Option<Bytes> {
        match self {
            Self::Lines => None,
            Self::Json => Some(format!("{}\n", json!({ "missed": count })).into()),
            Self::Events => {
                let count = count.map_or_else(|| "null".to_owned(), |count| count.to_string());
                Some(format!("event: missed\ndata: {count}\n\n").into())
            }
            Self::Parts => Some(Bytes::new()), // a newer message replaces the older ones anyway
        }
    }

    /// How a stream ends whose reader may return after so many milliseconds.
    pub(crate) fn closing(self, retry: u64) -> Bytes {
        match self {
            Self::Events => format!("retry: {retry}\n\n").into(),
            Self::Lines | Self::Json | Self::Parts => Bytes::new(),
        }
    }
}

impl Message {
    /// A message with this id.
    pub fn new(id: u64, body: Bytes, epoch: Option<u64>) -> Self {
        Self { id, body, epoch, encoded: Default::default(), frames: Default::default() }
    }

    /// The message as a part of a stream.
    pub(crate) fn encoded(&self, format: Format) -> Bytes {
        self.encoded[format as usize].get_or_init(|| self.encode(format)).clone()
    }

    /// The message as a frame: text if it is text, and binary otherwise; or its JSON.
    pub(crate) fn frame(&self, is_json: bool) -> Frame {
        let frame = || match (is_json, Utf8Bytes::try_from(self.body.clone())) {
            (true, _) => Frame::text(self.json().to_string()),
            (false, Ok(text)) => Frame::Text(text),
            (false, Err(_)) => Frame::Binary(self.body.clone()),
        };
        self.frames[usize::from(is_json)].get_or_init(frame).clone()
    }

    fn encode(&self, format: Format) -> Bytes {
        let body = &self.body;
        match format {
            Format::Lines => [body, &b"\n"[..]].concat().into(),
            Format::Json => format!("{}\n", self.json()).into(),
            Format::Events => {
                let (kind, text) = match std::str::from_utf8(body) {
                    Ok(text) => ("", text.replace("\r\n", "\n").replace('\r', "\n")),
                    Err(_) => ("event: base64\n", STANDARD.encode(body)),
                };
                format!("id: {}\n{kind}data: {}\n\n", self.id, text.replace('\n', "\ndata: ")).into()
            }
            Format::Parts => {
                let kind = if self.text().is_some() { "text/plain; charset=utf-8" } else { "application/octet-stream" };
                let head = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
                [head.as_bytes(), body, format!("\r\n--{BOUNDARY}\r\n").as_bytes()].concat().into()
            }
        }
    }

    /// The message as a JSON object; what is not text is base64.
    fn json(&self) -> serde_json::Value {
        let mut object = self.epoch.map_or_else(|| json!({}), |epoch| json!({ "epoch": epoch }));
        object["id"] = self.id.into();
        match self.text() {
            Some(text) => object["message"] = text.into(),
            None => object["base64"] = STANDARD.encode(&self.body).into(),
        }
        object
    }

    /// The message as text, if it is UTF-8.
    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }
}
