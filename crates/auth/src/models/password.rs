//! Passwords: which are accepted, and how they are stored.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use common::errors::ApiError;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// The memory that hashing takes, in KiB, with one pass on one lane: the first choice of OWASP's password storage cheat
/// sheet for argon2id.
const MEMORY_KIB: u32 = 46 * 1024;

/// A password for a new account: 8 to 128 characters, used verbatim.
pub(crate) struct Password(String);

#[derive(Debug, thiserror::Error)]
#[error("Password must be between 8 and 128 characters")]
pub(crate) struct InvalidPassword;

impl Password {
    pub(crate) fn parse(value: Option<&Value>) -> Result<Self, InvalidPassword> {
        let text = value.and_then(Value::as_str).ok_or(InvalidPassword)?;
        if Self::accepts(text) { Ok(Self(text.to_owned())) } else { Err(InvalidPassword) }
    }

    /// Whether an account can have this password.
    pub(crate) fn accepts(text: &str) -> bool {
        (8..=128).contains(&text.chars().count())
    }
}

/// How long a hash waits for its turn.
const MAX_QUEUE_TIME: Duration = Duration::from_secs(5);

/// Hashes and verifies passwords, off the async threads, and at most as many concurrently as there are cores.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// The hash that is verified for an unknown user, so that the answer takes as long.
    decoy: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, anyhow::Error> {
        let cores = available_parallelism().map_or(1, Into::into);
        Ok(Self { permits: Arc::new(Semaphore::new(cores)), decoy: hash("nobody's password")?.into() })
    }

    /// The hash that is stored of a password, in PHC format.
    pub(crate) async fn hash(&self, Password(password): Password) -> Result<String, ApiError> {
        let turn = self.turn().await?;
        Ok(in_turn(turn, move || hash(&password)).await?)
    }

    /// Whether the password has the stored hash. Without a hash the answer is no, and takes as long.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, ApiError> {
        let is_somebody = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let turn = self.turn().await?;
        let is_right = in_turn(turn, move || {
            let stored = PasswordHash::new(&stored).map_err(|error| anyhow::anyhow!("invalid stored hash: {error}"))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
        });
        Ok(is_right.await? && is_somebody)
    }

    /// Waits for a turn, for a limited time: whoever waits for longer has gone.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = timeout(MAX_QUEUE_TIME, Arc::clone(&self.permits).acquire_owned()).await;
        let turn = turn.map_err(|_| ApiError::Unavailable("Too many sign-ins at the same time; try again"))?;
        Ok(turn.context("the turns are closed")?)
    }
}

/// Computes off the async threads, and keeps the turn until that is done, also when nobody waits for the result any more.
async fn in_turn<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, anyhow::Error> + Send + 'static,
) -> Result<T, anyhow::Error> {
    let done = spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await?
}

fn hash(password: &str) -> Result<String, anyhow::Error> {
    let params = Params::new(MEMORY_KIB, 1, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"));
    Ok(hash.context("failed to hash a password")?.to_string())
}

#[cfg(test)]
mod tests {
    use common::errors::ApiError;

    use super::{Password, Passwords};

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_turn_within_five_seconds_is_asked_to_try_again() {
        let passwords = Passwords::new().unwrap();
        let all = u32::try_from(passwords.permits.available_permits()).unwrap();
        let taken = passwords.permits.acquire_many(all).await.unwrap();
        let sign_up = passwords.hash(Password("password".to_owned())).await;
        let sign_in = passwords.verify("password".to_owned(), None).await;
        assert!(matches!(sign_up, Err(ApiError::Unavailable(_))), "{sign_up:?}");
        assert!(matches!(sign_in, Err(ApiError::Unavailable(_))), "{sign_in:?}");
        drop(taken);
        assert!(passwords.verify("password".to_owned(), None).await.is_ok_and(|is_right| !is_right));
    }
}
