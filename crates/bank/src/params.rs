//! The parameters of a request: a form, or a query.

use std::collections::BTreeMap;

use crate::answer::Refused;

/// The parameters, by their names as they are sent: `amount`, `card[token]`, `metadata[order_id]`,
/// `payment_method_types[0]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The parameters in one order, whatever the order that they were sent in.
    pub(crate) fn sorted(&self) -> Vec<(String, String)> {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted
    }

    /// Refuses parameters other than these. A name that ends with `[]` allows any key in the brackets.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refused> {
        let is_known = |name: &str| {
            known.iter().any(|known| match known.strip_suffix("[]") {
                Some(parent) => name.strip_prefix(parent).is_some_and(|rest| rest.starts_with('[')),
                None => *known == name,
            })
        };
        match self.0.iter().find(|(name, _)| !is_known(name) && !name.starts_with("expand[")) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("Received unknown parameter: {name}");
                Err(Refused::parameter(name, "parameter_unknown", message))
            }
        }
    }

    /// The value of a parameter, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refused> {
        let missing = || Refused::parameter(name, "parameter_missing", format!("Missing required param: {name}."));
        self.get(name).ok_or_else(missing)
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refused> {
        let invalid =
            |text: &str| Refused::parameter(name, "parameter_invalid_integer", format!("Invalid integer: {text}"));
        self.get(name).map(|text| text.parse().map_err(|_| invalid(text))).transpose()
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<bool, Refused> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => {
                Err(Refused::parameter(name, "parameter_invalid_boolean", format!("Invalid boolean: {text}")))
            }
        }
    }

    /// The values of `name[]`, `name[0]`, `name[1]` and so on.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.children(name).map(|(_, value)| value).collect()
    }

    /// The keys and values of `name[key]`.
    pub(crate) fn map(&self, name: &str) -> BTreeMap<String, String> {
        self.children(name).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn children(&self, parent: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, value)| {
            let key = name.strip_prefix(parent)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((key, value.as_str()))
        })
    }
}
