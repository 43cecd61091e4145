//! The names of channels.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name, in bytes of its path; NATS takes subjects of about 4 KiB.
const LONGEST: usize = 1024;

/// What has a meaning in a path or in a query, and can't be written as it is.
const IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'/').add(b'<').add(b'>').add(b'?');

/// What has a meaning in a NATS subject besides.
const IN_SUBJECT: &AsciiSet = &CONTROLS.add(b'.').add(b'*');

/// What an empty segment is in a NATS subject, whose tokens can't be empty; no other segment has a lone percent sign.
const EMPTY: &str = "%";

/// The name of a channel: a path, as `/pycon` or `/numbers/even`.
///
/// Two paths name the same channel if their segments are the same once percent-encoding is decoded: `/a%2Db` is `/a-b`. Upper and
/// lower case differ, and so do `/a.b`, `/a/b` and `/a%2Fb`. A slash at the end does not count, and nothing is a wildcard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(Arc<str>);

/// A path that is not the name of a [`Channel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannel {
    /// The path has no segment.
    #[error("a channel is a path with a name, as /pycon")]
    Nameless,
    /// The path is too long.
    #[error("the name of a channel has at most {LONGEST} bytes")]
    TooLong,
    /// A segment is not UTF-8 once it is decoded.
    #[error("the name of a channel is UTF-8; this one has bytes that are not")]
    NotText,
}

impl Channel {
    /// The path, percent-encoded where it must be.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The end of a NATS subject that no other channel has: one token for each segment.
    pub(crate) fn subject(&self) -> String {
        let segments = self.0[1..].split('/');
        let tokens = segments.map(|segment| match segment {
            "" => EMPTY.to_owned(),
            segment => utf8_percent_encode(segment, IN_SUBJECT).to_string(),
        });
        tokens.collect::<Vec<_>>().join(".")
    }
}

impl FromStr for Channel {
    type Err = InvalidChannel;

    fn from_str(path: &str) -> Result<Self, InvalidChannel> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Err(InvalidChannel::Nameless);
        }
        let mut name = String::with_capacity(path.len() + 1);
        for segment in path.split('/') {
            let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| InvalidChannel::NotText)?;
            name.push('/');
            name.extend(utf8_percent_encode(&decoded, IN_PATH));
        }
        if name.len() > LONGEST { Err(InvalidChannel::TooLong) } else { Ok(Self(name.into())) }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
