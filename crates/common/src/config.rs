//! What the settings of the services have in common.

use std::fmt::Display;
use std::str::FromStr;

use service::settings::Problem;

/// What is wrong with a setting that must be set; `example` says how, by its environment name.
///
/// ```
/// use common::bus::ServerUrl;
/// use common::config::required;
///
/// let missing = required::<ServerUrl>("nats_url", "", "NATS_URL=nats://localhost:4222").unwrap();
/// assert_eq!(missing.text, "must be set: NATS_URL=nats://localhost:4222");
/// ```
pub fn required<T: FromStr<Err: Display>>(key: &str, value: &str, example: &str) -> Option<Problem> {
    if value.is_empty() {
        return Some(Problem::new(key, format!("must be set: {example}")));
    }
    let error = value.parse::<T>().err()?;
    Some(Problem::new(key, format!("{error} ({example})")))
}
