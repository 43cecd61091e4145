//! The signature of a webhook: <https://docs.stripe.com/webhooks#verify-manually>.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::OffsetDateTime;

/// How old, or how far ahead, the time of a signature may be, in seconds: Stripe's own tolerance.
const TOLERANCE: i64 = 300;

/// Whether a payload was signed with the secret within the last five minutes. The header is `t=TIME,v1=SIGNATURE`, with one
/// signature for each secret that is valid while it is being changed.
pub(crate) fn is_valid(secret: &str, header: &str, payload: &[u8]) -> bool {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
    let is_recent = time
        .parse::<i64>()
        .is_ok_and(|time| OffsetDateTime::now_utc().unix_timestamp().abs_diff(time) <= TOLERANCE.unsigned_abs());
    let Ok(key) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()) else { return false };
    let is_of = |signature: &str| {
        let mut mac = key.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(payload);
        bytes_of(signature).is_some_and(|signature| mac.verify_slice(&signature).is_ok()) // in constant time
    };
    is_recent && parts().filter(|(name, _)| *name == "v1").any(|(_, signature)| is_of(signature))
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}
