//! Identifiers of records: one type per kind of record, checked where they are read.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Identifies a ticket.
pub type TicketId = Id<kind::Ticket>;
/// Identifies an order.
pub type OrderId = Id<kind::Order>;
/// Identifies a person who has signed up.
pub type UserId = Id<kind::User>;
/// Identifies a payment.
pub type PaymentId = Id<kind::Payment>;
/// Identifies a record whose kind is stored elsewhere, as in an [`AggregateRef`](crate::AggregateRef).
pub type AnyId = Id<kind::Any>;

/// The kinds of records that an [`Id`] may identify. They exist as types only.
pub mod kind {
    /// A ticket.
    #[derive(Clone, Copy, Debug)]
    pub enum Ticket {}
    /// An order.
    #[derive(Clone, Copy, Debug)]
    pub enum Order {}
    /// A person who has signed up.
    #[derive(Clone, Copy, Debug)]
    pub enum User {}
    /// A payment.
    #[derive(Clone, Copy, Debug)]
    pub enum Payment {}
    /// A record of any kind.
    #[derive(Clone, Copy, Debug)]
    pub enum Any {}
}

/// The id of one kind of record: 12 bytes, written as 24 lower-case hexadecimal digits.
///
/// Ids of different kinds have different types, so one can't be passed for another. They have the form of a MongoDB
/// `ObjectId`; the service that owns a record makes its id.
pub struct Id<K> {
    bytes: [u8; 12],
    kind: PhantomData<fn(K)>,
}

/// How much of a text that is not an id its error quotes, in characters.
const QUOTED_CHARS: usize = 40;

/// A text that is not an id; the error quotes its beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: an id is 24 lower-case hexadecimal digits")]
pub struct InvalidId(String);

impl<K> Id<K> {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The bytes of this id.
    pub const fn bytes(self) -> [u8; 12] {
        self.bytes
    }

    /// The same id without its kind.
    pub const fn any(self) -> AnyId {
        Id::from_bytes(self.bytes)
    }
}

impl<K> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 12];
        let pairs = text.as_bytes().chunks_exact(2);
        let is_id = text.len() == 24 && pairs.zip(&mut bytes).all(|(pair, byte)| read_byte(pair, byte).is_some());
        if is_id { Ok(Self::from_bytes(bytes)) } else { Err(InvalidId(text.chars().take(QUOTED_CHARS).collect())) }
    }
}

fn read_byte(pair: &[u8], byte: &mut u8) -> Option<()> {
    let digit = |sign: u8| match sign {
        b'0'..=b'9' => Some(sign - b'0'),
        b'a'..=b'f' => Some(sign - b'a' + 10),
        _ => None,
    };
    *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    Some(())
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
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

#[cfg(test)]
mod tests {
    use super::{AnyId, OrderId, TicketId};

    #[test]
    fn an_id_is_printed_as_it_was_read() {
        for text in ["0123456789abcdef01234567", "000000000000000000000000", "ffffffffffffffffffffffff"] {
            let id: TicketId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("{text:?}"));
            assert_eq!(serde_json::from_str::<TicketId>(&format!("{text:?}")).unwrap(), id);
        }
    }

    #[test]
    fn an_escaped_json_string_is_an_id_too() {
        let id: OrderId = serde_json::from_str(r#""\u0030123456789abcdef01234567""#).unwrap();
        assert_eq!(id.to_string(), "0123456789abcdef01234567");
    }

    #[test]
    fn another_text_is_refused_and_quoted_up_to_40_characters() {
        for text in ["", "0123456789abcdef0123456", "0123456789abcdef012345678", "0123456789ABCDEF01234567", "0x", "é"]
        {
            assert!(text.parse::<TicketId>().is_err(), "{text}");
        }
        let long = "é".repeat(1000);
        assert!(long.parse::<TicketId>().unwrap_err().to_string().starts_with(&format!("{:?}", "é".repeat(40))));
    }

    #[test]
    fn an_id_takes_twelve_bytes() {
        assert_eq!(size_of::<OrderId>(), 12);
        assert_eq!(AnyId::from_bytes([7; 12]).bytes(), [7; 12]);
    }
}
