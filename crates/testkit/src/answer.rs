//! What an API answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// An answer, as far as the contract speaks of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// The body, read as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The body, when the status is this one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// The cookie that was set, as a browser sends it back.
    pub fn cookie(&self) -> String {
        self.headers["set-cookie"].split(';').next().unwrap().to_owned()
    }

    /// The answer is this error, byte for byte.
    #[track_caller]
    pub fn is_error(&self, status: u16, errors: &Value) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(self.body, json!({ "errors": errors }).to_string());
    }

    /// Checks that the answer is an error in the contract's shape, without regard to its words.
    #[track_caller]
    pub fn is_some_refusal(&self) {
        assert!((400..500).contains(&self.status), "{self:?}");
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        assert!(!errors.is_empty(), "{self:?}");
        self.is_error(self.status, &Value::Array(errors.clone()));
        for error in &errors {
            let keys: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(matches!(keys[..], ["message"] | ["message", "field"]), "{self:?}");
            assert!(error.as_object().unwrap().values().all(Value::is_string), "{self:?}");
        }
    }
}

/// One entry of an error answer that belongs to a field.
pub fn field(name: &str, message: &str) -> Value {
    json!({ "message": message, "field": name })
}

/// All entries of an error answer that belongs to no field.
pub fn message(message: &str) -> Value {
    json!([{ "message": message }])
}
