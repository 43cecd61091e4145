//! Amounts of money.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// The highest price, in cents.
const MAX_CENTS: u32 = 99_999_999;

/// An amount of money from 0.01 to 999999.99, in whole cents; in JSON it is a decimal number (20, 19.99).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Price {
    cents: u32,
}

/// Why a value is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrice {
    /// The value is not a number above 0.
    #[error("a price is a number above 0")]
    NotPositive,
    /// The text is not a decimal number: it has a comma, a sign of a currency, or other letters.
    #[error("a price is a number with a decimal point, such as 20 or 19.99")]
    NotDecimal,
    /// The value is above 999999.99, or has more than two decimals.
    #[error("a price is at most 999999.99, and has at most two decimals")]
    OutOfRange,
}

impl Price {
    /// The price of this many cents.
    ///
    /// # Errors
    ///
    /// When `cents` is 0 or above 99999999.
    pub const fn from_cents(cents: u32) -> Result<Self, InvalidPrice> {
        match cents {
            0 => Err(InvalidPrice::NotPositive),
            1..=MAX_CENTS => Ok(Self { cents }),
            _ => Err(InvalidPrice::OutOfRange),
        }
    }

    /// Reads a JSON number, or a string with a decimal number: the course's own client posts `"20.00"`.
    ///
    /// # Errors
    ///
    /// When the value is not a price.
    pub fn from_json(value: &Value) -> Result<Self, InvalidPrice> {
        let amount = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => return text.parse(),
            _ => None,
        };
        Self::try_from(amount.ok_or(InvalidPrice::NotPositive)?)
    }

    /// The amount in cents, from 1 to 99999999.
    pub const fn cents(self) -> u32 {
        self.cents
    }
}

impl FromStr for Price {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, InvalidPrice> {
        let amount = Some(text).filter(|text| is_number(text)).and_then(|text| text.parse::<f64>().ok());
        Self::try_from(amount.ok_or(InvalidPrice::NotDecimal)?)
    }
}

impl TryFrom<f64> for Price {
    type Error = InvalidPrice;

    /// Converts exactly: within the range of prices, a number with two decimals is nearest to one count of cents only.
    fn try_from(amount: f64) -> Result<Self, InvalidPrice> {
        if amount.is_nan() || amount <= 0.0 {
            return Err(InvalidPrice::NotPositive);
        }
        let cents = (amount * 100.0).round();
        if !(1.0..=f64::from(MAX_CENTS)).contains(&cents) || (cents / 100.0 - amount).abs() > 0.0 {
            return Err(InvalidPrice::OutOfRange);
        }
        Self::from_cents(cents as u32)
    }
}

/// Refuses blanks, `NaN` and `inf`, which `f64` would parse too.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.cents / 100, self.cents % 100)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.cents.is_multiple_of(100) {
            serializer.serialize_u32(self.cents / 100) // 20, as JavaScript prints it, and not 20.0
        } else {
            serializer.serialize_f64(f64::from(self.cents) / 100.0)
        }
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl JsonSchema for Price {
    fn schema_name() -> Cow<'static, str> {
        "Price".into()
    }

    /// Only the title limits the decimals: to a validator that divides floating-point numbers, 19.99 is not a
    /// `multipleOf` 0.01.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let title = "An amount of money with at most two decimals";
        json_schema!({ "title": title, "type": "number", "minimum": 0.01, "maximum": 999_999.99 })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{InvalidPrice, Price};

    #[test]
    fn a_decimal_text_is_a_price_too() {
        for (text, cents) in
            [("20.00", 2000), ("10", 1000), ("19.99", 1999), ("+5", 500), (".5", 50), ("5.", 500), ("1e3", 100_000)]
        {
            assert_eq!(Price::from_json(&json!(text)).unwrap().cents(), cents, "{text}");
        }
        for text in [" 10", "10abc", "0x1F", "20,00", "1,5", "$20", "20 €", "NaN", "inf", "Infinity", ".", "+", "1.2.3"]
        {
            assert_eq!(Price::from_json(&json!(text)), Err(InvalidPrice::NotDecimal), "{text}");
        }
        for text in ["", "  ", "-1", "0", "0.00"] {
            assert_eq!(Price::from_json(&json!(text)), Err(InvalidPrice::NotPositive), "{text:?}");
        }
        assert_eq!(Price::from_json(&json!("1e9")), Err(InvalidPrice::OutOfRange));
        for other in [json!(null), json!(true), json!([10]), json!({}), json!({ "$gt": 0 })] {
            assert!(Price::from_json(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn every_price_survives_json_to_the_cent() {
        let some = (1..=20_000).chain((20_000..=99_999_999).step_by(997)).chain([99_999_999]);
        for cents in some {
            let price = Price::from_cents(cents).unwrap();
            let json = serde_json::to_string(&price).unwrap();
            assert_eq!(serde_json::from_str::<Price>(&json).unwrap(), price, "{json}");
        }
    }

    #[test]
    fn json_shows_whole_prices_without_decimals() {
        let json = |cents| serde_json::to_string(&Price::from_cents(cents).unwrap()).unwrap();
        assert_eq!([json(2000), json(1999), json(1950)], ["20", "19.99", "19.5"]);
    }

    #[test]
    fn a_value_that_is_not_a_price_is_refused() {
        for json in ["0", "-1", "0.001", "19.999", "1000000", "1e308", "\"20\"", "null", "{}"] {
            assert!(serde_json::from_str::<Price>(json).is_err(), "{json}");
        }
    }
}
