//! Who and what: one type per kind of id, checked where it is read.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use mongodb::bson::oid::ObjectId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// Which ticket.
pub type TicketId = Id<Ticket>;
/// Which order.
pub type OrderId = Id<Order>;
/// Which person.
pub type UserId = Id<User>;
/// Which payment.
pub type PaymentId = Id<Payment>;

/// The kind of a [`TicketId`].
#[derive(Clone, Copy, Debug)]
pub enum Ticket {}
/// The kind of an [`OrderId`].
#[derive(Clone, Copy, Debug)]
pub enum Order {}
/// The kind of a [`UserId`].
#[derive(Clone, Copy, Debug)]
pub enum User {}
/// The kind of a [`PaymentId`].
#[derive(Clone, Copy, Debug)]
pub enum Payment {}

/// An id of one kind of things: 24 lower-case hexadecimal digits. An id of another kind has another type.
#[derive(Deserialize)]
#[serde(try_from = "String", bound = "")]
pub struct Id<K>(String, PhantomData<fn(K)>);

/// How much is quoted of a text that is not an id, in characters.
const QUOTED: usize = 40;

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: an id is 24 lower-case hexadecimal digits")]
pub struct InvalidId(String);

impl<K> Id<K> {
    /// One that nobody has yet. Those made later are greater, as far as the clocks of their makers agree.
    #[expect(clippy::new_without_default, reason = "a default is the same each time")]
    pub fn new() -> Self {
        ObjectId::new().into()
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K> From<ObjectId> for Id<K> {
    fn from(id: ObjectId) -> Self {
        Self(id.to_hex(), PhantomData)
    }
}

impl<K> TryFrom<String> for Id<K> {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        let is_id = text.len() == 24 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_id { Ok(Self(text, PhantomData)) } else { Err(InvalidId(text.chars().take(QUOTED).collect())) }
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Written out from here on, since derives would demand the same of `K`.

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Id<K> {}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<K> JsonSchema for Id<K> {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{24}$" })
    }
}
