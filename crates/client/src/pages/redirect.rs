//! Redirects: after each form, and to the page that somebody wanted before they signed in.

use std::fmt;

use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Deserializer};

use crate::api::Session;

/// A path of this site, to go on with; `/` if it is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Next(String);

impl Next {
    /// A path that a form or a link names, whoever has made it: it must not lead to another site.
    pub(crate) fn from(text: &str) -> Self {
        let mut characters = text.chars();
        let begins = characters.next() == Some('/') && !matches!(characters.next(), Some('/' | '\\'));
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        Self(if begins && is_plain { text.to_owned() } else { "/".to_owned() })
    }

    pub(crate) fn path(&self) -> &str {
        &self.0
    }
}

impl Default for Next {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&String::deserialize(deserializer)?))
    }
}

/// 303: the browser gets the page at the path.
pub(crate) fn see_other(path: &str) -> Redirect {
    Redirect::to(path)
}

/// Begins or ends the session of the browser with an answer.
pub(super) fn with_session(session: Session, answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    for cookie in session {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::Next;

    #[test]
    fn the_next_page_is_one_of_this_site() {
        for path in ["/", "/orders", "/tickets/5f?x=1&y=2", "/a//b"] {
            assert_eq!(Next::from(path).path(), path);
        }
        for elsewhere in
            ["", "orders", "//evil.example", "/\\evil.example", "https://evil.example", "/a\\b", "/\r\nX: y", "/ö"]
        {
            assert_eq!(Next::from(elsewhere).path(), "/", "{elsewhere:?}");
        }
    }
}
