//! Times as people write them on a command line: `500ms`, `12s`, `1m 30s`.

use std::time::Duration;

/// Longer than any experiment.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest ack wait with which a listener can still say in time that it is working.
const SHORTEST_ACK_WAIT: Duration = Duration::from_millis(100);

/// Reads a time between nothing and a day.
///
/// # Errors
///
/// What it should look like.
pub fn any(text: &str) -> Result<Duration, String> {
    let time = if text == "0" { Ok(Duration::ZERO) } else { humantime::parse_duration(text) };
    let time = time.map_err(|error| format!("{error}; a time looks like 500ms, 12s or 1m"))?;
    if time > LONGEST { Err("at most 24h".to_owned()) } else { Ok(time) }
}

/// Reads a time between 1 ms and a day.
///
/// # Errors
///
/// What it should look like.
pub fn above_0(text: &str) -> Result<Duration, String> {
    let time = any(text)?;
    if time < Duration::from_millis(1) { Err("at least 1ms".to_owned()) } else { Ok(time) }
}

/// Reads a time between 100 ms and a day.
///
/// # Errors
///
/// What it should look like.
pub fn ack_wait(text: &str) -> Result<Duration, String> {
    let time = any(text)?;
    if time < SHORTEST_ACK_WAIT { Err("at least 100ms".to_owned()) } else { Ok(time) }
}
