//! Times for people: in tables to the second, in `tail` as the clock on the wall.

use std::process::{Command, Stdio};
use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");
const OFFSET: &[BorrowedFormatItem<'_>] = format_description!("[offset_hour sign:mandatory][offset_minute]");

/// In UTC, to the second: `2026-11-25T18:20:42Z`.
pub(crate) fn seconds(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(SECONDS).unwrap_or_else(|_| at.to_string())
}

/// The time of the day at this offset: `18:20:42`.
pub(crate) fn clock(at: OffsetDateTime, offset: UtcOffset) -> String {
    at.to_offset(offset).format(CLOCK).unwrap_or_else(|_| at.to_string())
}

/// How long ago it was, in the greatest unit: `42s`, `5m`, `3h`, `12d`.
pub(crate) fn age(at: OffsetDateTime) -> String {
    let seconds = (OffsetDateTime::now_utc() - at).whole_seconds().max(0);
    let (unit, length) = match seconds {
        ..60 => ("s", 1),
        60..3600 => ("m", 60),
        3600..86_400 => ("h", 3600),
        _ => ("d", 86_400),
    };
    format!("{}{unit}", seconds / length)
}

/// The offset of the local time now, or UTC if there is no `date` to ask: a library may not look it up in a process that
/// has threads.
pub(crate) fn local_offset() -> UtcOffset {
    let asked = Command::new("date").arg("+%z").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let offset = asked.ok().and_then(|answer| String::from_utf8(answer.stdout).ok());
    offset.and_then(|offset| UtcOffset::parse(offset.trim(), OFFSET).ok()).unwrap_or(UtcOffset::UTC)
}

/// Reads a length of time from the command line.
///
/// # Errors
///
/// If it is not one.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "expected a length of time, such as 30s, 10m, 2h or 1day".to_owned())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime, UtcOffset};

    use super::{age, clock, seconds};

    #[test]
    fn times_are_short_enough_to_be_read() {
        let at = datetime!(2026-11-25 23:20:42.7 UTC);
        assert_eq!(seconds(at), "2026-11-25T23:20:42Z");
        assert_eq!(clock(at, UtcOffset::from_hms(5, 30, 0).unwrap()), "04:50:42");
        for (ago, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (86_400, "1d"), (8_640_000, "100d")] {
            assert_eq!(age(OffsetDateTime::now_utc() - Duration::seconds(ago)), text);
        }
        assert_eq!(age(OffsetDateTime::now_utc() + Duration::HOUR), "0s");
    }
}
