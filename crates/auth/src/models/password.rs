//! Passwords: their rule, and how they are kept.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The memory that hashing takes, in KiB, with one pass on one lane: the first choice of OWASP's password storage cheat
/// sheet for argon2id.
const MEMORY_KIB: u32 = 46 * 1024;

/// A password for a new account: 8 to 128 characters, taken exactly as sent.
pub(crate) struct Password(String);

#[derive(Debug, thiserror::Error)]
#[error("Password must be between 8 and 128 characters")]
pub(crate) struct InvalidPassword;

impl Password {
    pub(crate) fn parse(value: Option<&Value>) -> Result<Self, InvalidPassword> {
        let text = value.and_then(Value::as_str).ok_or(InvalidPassword)?;
        if (8..=128).contains(&text.chars().count()) { Ok(Self(text.to_owned())) } else { Err(InvalidPassword) }
    }
}

/// Hashes and verifies passwords, off the async threads, and at most as many at once as there are cores.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    at_once: Arc<Semaphore>,
    /// The hash that the password of nobody is compared with.
    nobodys: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, anyhow::Error> {
        let cores = available_parallelism().map_or(1, Into::into);
        Ok(Self { at_once: Arc::new(Semaphore::new(cores)), nobodys: hash("nobody's password")?.into() })
    }

    /// What is kept of a password: the hash in PHC format.
    pub(crate) async fn hash(&self, Password(password): Password) -> Result<String, anyhow::Error> {
        let _turn = self.at_once.acquire().await?;
        spawn_blocking(move || hash(&password)).await?
    }

    /// Whether it is the password whose hash was kept. Without a hash it is not, and takes as long.
    pub(crate) async fn verify(&self, password: String, kept: Option<String>) -> Result<bool, anyhow::Error> {
        let is_somebody = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.nobodys.to_string());
        let _turn = self.at_once.acquire().await?;
        let is_right = spawn_blocking(move || {
            let kept = PasswordHash::new(&kept).map_err(|error| anyhow::anyhow!("a kept hash is none: {error}"))?;
            Ok::<_, anyhow::Error>(Argon2::default().verify_password(password.as_bytes(), &kept).is_ok())
        });
        Ok(is_right.await?? && is_somebody)
    }
}

fn hash(password: &str) -> Result<String, anyhow::Error> {
    let params = Params::new(MEMORY_KIB, 1, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"));
    Ok(hash.context("hashing a password")?.to_string())
}
