//! Who and what: one type per kind of id, checked where it is read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: an id is 24 lower-case hexadecimal digits")]
pub struct InvalidId(String);

fn parse(text: String) -> Result<String, InvalidId> {
    let is_id = text.len() == 24 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_id { Ok(text) } else { Err(InvalidId(text)) }
}

/// Which ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TicketId(String);

/// Which order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct OrderId(String);

/// Which person.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(String);

/// Which payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PaymentId(String);

impl TryFrom<String> for TicketId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }
}

impl TryFrom<String> for OrderId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }
}

impl TryFrom<String> for PaymentId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
