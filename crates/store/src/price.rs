//! The stored form of a price, for `#[serde(flatten, with = "store::price")]`.
//!
//! A document has the field `priceCents`, in whole cents as a 64-bit integer. The field `price`, a decimal number that
//! versions before 0.1 read, is still written; it is read where `priceCents` is absent.

use events::Price;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    #[serde(default)]
    price_cents: Option<i64>,
    #[serde(default)]
    price: Option<Price>,
}

/// Writes both fields.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(price: &Price, serializer: S) -> Result<S::Ok, S::Error> {
    Stored { price_cents: Some(price.cents().into()), price: Some(*price) }.serialize(serializer)
}

/// Reads `priceCents`, or else `price`.
///
/// # Errors
///
/// When neither field is there, or the one that is read is not a price.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Price, D::Error> {
    match Stored::deserialize(deserializer)? {
        Stored { price_cents: Some(cents), .. } => {
            let cents = u32::try_from(cents).map_err(|_| de::Error::custom(format!("priceCents is {cents}")))?;
            Price::from_cents(cents).map_err(|error| de::Error::custom(format!("priceCents is {cents}: {error}")))
        }
        Stored { price: Some(price), .. } => Ok(price),
        Stored { price_cents: None, price: None } => Err(de::Error::missing_field("priceCents")),
    }
}

#[cfg(test)]
mod tests {
    use events::Price;
    use mongodb::bson::{Bson, deserialize_from_document, doc, serialize_to_document};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Ticket {
        title: String,
        #[serde(flatten, with = "super")]
        price: Price,
        version: u64,
    }

    fn ticket(cents: u32) -> Ticket {
        Ticket { title: "concert".to_owned(), price: Price::from_cents(cents).unwrap(), version: 3 }
    }

    #[test]
    fn a_price_is_stored_in_cents_and_for_one_release_in_the_old_form_too() {
        let whole = serialize_to_document(&ticket(2000)).unwrap();
        assert_eq!((whole.get("priceCents"), whole.get("price")), (Some(&Bson::Int64(2000)), Some(&Bson::Int64(20))));
        let cents = serialize_to_document(&ticket(1999)).unwrap();
        assert_eq!(
            (cents.get("priceCents"), cents.get("price")),
            (Some(&Bson::Int64(1999)), Some(&Bson::Double(19.99)))
        );
    }

    #[test]
    fn a_price_is_read_from_cents_or_else_from_the_old_form() {
        let read = |fields| {
            let mut document = doc! { "title": "concert", "version": 3_i64 };
            document.extend::<mongodb::bson::Document>(fields);
            deserialize_from_document::<Ticket>(document)
        };
        for fields in [
            doc! { "priceCents": 1999_i64 },
            doc! { "priceCents": 1999 },
            doc! { "price": 19.99 },
            doc! { "priceCents": 1999_i64, "price": 20 }, // the new field decides
        ] {
            assert_eq!(read(fields.clone()).unwrap(), ticket(1999), "{fields}");
        }
        for old in [doc! { "price": 20 }, doc! { "price": 20_i64 }, doc! { "price": 20.0 }] {
            assert_eq!(read(old.clone()).unwrap(), ticket(2000), "{old}");
        }
        for wrong in [doc! {}, doc! { "priceCents": 0_i64 }, doc! { "priceCents": -5_i64 }, doc! { "price": 0 }] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(read(doc! { "priceCents": i64::MAX }).unwrap_err().to_string().contains("priceCents is"));
    }
}
