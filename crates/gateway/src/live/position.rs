//! Positions in the stream of events.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

/// Which stream a sequence belongs to: the time of its creation, in microseconds. A stream that was deleted and created
/// again counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Epoch {
    pub(super) fn of(created: OffsetDateTime) -> Self {
        Self(u64::try_from(created.unix_timestamp_nanos() / 1000).unwrap_or_default())
    }
}

/// A position: everything up to this sequence of this stream has been seen. Written as `<epoch>-<sequence>`, the epoch in
/// base 36.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) epoch: Epoch,
    pub(super) sequence: u64,
}

/// A text that is not a [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut digits, mut rest) = (Vec::new(), self.epoch.0);
        while digits.is_empty() || rest > 0 {
            digits.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
            rest /= 36;
        }
        digits.iter().rev().try_for_each(|digit| write!(f, "{digit}"))?;
        write!(f, "-{}", self.sequence)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (epoch, sequence) = text.split_once('-').ok_or(InvalidPosition)?;
        let epoch = u64::from_str_radix(epoch, 36).map_err(|_| InvalidPosition)?;
        let is_plain = sequence.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = sequence.parse().ok().filter(|_| is_plain).ok_or(InvalidPosition)?;
        Ok(Self { epoch: Epoch(epoch), sequence })
    }
}
