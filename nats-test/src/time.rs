//! Durations on a command line: `500ms`, `12s`, `1m 30s`.

use std::time::Duration;

/// The longest duration: longer than any experiment.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest ack wait: a listener must be able to report progress within it.
const SHORTEST_ACK_WAIT: Duration = Duration::from_millis(100);

/// Reads a duration of at most a day.
///
/// # Errors
///
/// If the text is not one, with an example.
pub fn any(text: &str) -> Result<Duration, String> {
    let time = if text == "0" { Ok(Duration::ZERO) } else { humantime::parse_duration(text) };
    let time = time.map_err(|error| format!("{error}; a time looks like 500ms, 12s or 1m"))?;
    if time > LONGEST { Err("at most 24h".to_owned()) } else { Ok(time) }
}

/// Reads a duration from 1 ms to a day.
///
/// # Errors
///
/// If the text is not one, with an example.
pub fn above_0(text: &str) -> Result<Duration, String> {
    let time = any(text)?;
    if time < Duration::from_millis(1) { Err("at least 1ms".to_owned()) } else { Ok(time) }
}

/// Reads a duration from 100 ms to a day.
///
/// # Errors
///
/// If the text is not one, with an example.
pub fn ack_wait(text: &str) -> Result<Duration, String> {
    let time = any(text)?;
    if time < SHORTEST_ACK_WAIT { Err("at least 100ms".to_owned()) } else { Ok(time) }
}
