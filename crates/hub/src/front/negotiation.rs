//! In which way a reader wants a channel.

use axum::extract::{FromRequestParts, WebSocketUpgrade};
use axum::http::header::{ACCEPT, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use super::refusal::refusal;
use crate::Format;

/// The header with the id of the last event that a returning EventSource has seen (HTML standard, 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which front ends there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Views {
    /// The HTTP streamer alone: lines, and lines of JSON.
    Streams,
    /// All of them.
    All,
}

/// What a GET asks for.
pub(super) struct Question {
    pub(super) view: View,
    /// The id of the message to continue behind.
    pub(super) after: Option<u64>,
}

pub(super) enum View {
    Page,
    Messages(Way),
}

/// In which way the messages are sent.
pub(super) enum Way {
    Stream(Format),
    WebSocket { upgrade: Box<WebSocketUpgrade>, is_json: bool },
}

impl Question {
    /// Reads the query, which decides, and the headers.
    pub(super) async fn of(parts: &mut Parts, views: Views) -> Result<Self, Response> {
        let query: Vec<(String, String)> =
            form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let asked = |key: &str| query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let bad = |reason: &str| refusal(StatusCode::BAD_REQUEST, reason);
        // An EventSource that returns sends the header, and the query of the first time again.
        let returned = text(&parts.headers, &LAST_EVENT_ID).filter(|id| !id.is_empty());
        let after = match returned.or_else(|| asked("after")) {
            None | Some("") => None,
            Some(id) => Some(id.parse().map_err(|_| bad("after must be the id of a message, a number"))?),
        };
        let format = match asked("format") {
            None => None,
            Some("text") => Some(Format::Lines),
            Some("json") => Some(Format::Json),
            Some("sse") => Some(Format::Events),
            Some(_) => return Err(bad("format must be text, json or sse")),
        };
        let is_websocket = text(&parts.headers, &UPGRADE).is_some_and(|name| name.eq_ignore_ascii_case("websocket"));
        let view = match asked("view") {
            Some("page") => View::Page,
            Some("tail") => View::Messages(Way::Stream(Format::Parts)),
            Some(_) => return Err(bad("view must be tail or page")),
            None if is_websocket => {
                let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
                let upgrade = Box::new(upgrade.map_err(IntoResponse::into_response)?);
                View::Messages(Way::WebSocket { upgrade, is_json: format == Some(Format::Json) })
            }
            None => {
                let format = format.or_else(|| accepted(&parts.headers)).unwrap_or(Format::Lines);
                View::Messages(Way::Stream(format))
            }
        };
        let is_simple = matches!(view, View::Messages(Way::Stream(Format::Lines | Format::Json)));
        if views == Views::Streams && !is_simple {
            return Err(refusal(
                StatusCode::NOT_ACCEPTABLE,
                "this server has text and ?format=json only: run the program hub",
            ));
        }
        Ok(Self { view, after })
    }
}

/// The format of the first media type that names one.
fn accepted(headers: &HeaderMap) -> Option<Format> {
    let types = text(headers, &ACCEPT)?.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    types.into_iter().find_map(|name| match name {
        "text/event-stream" => Some(Format::Events),
        "application/x-ndjson" => Some(Format::Json),
        "multipart/x-mixed-replace" => Some(Format::Parts),
        _ => None,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
