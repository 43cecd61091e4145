//! HS256 for jsonwebtoken, and no other algorithm: HMAC with SHA-256 (RFC 7518, 3.2).
//!
//! The library's own cryptography has the algorithms of RFC 7518 together, so it links RSA and three elliptic curves into every
//! program that reads a session.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{self, ErrorKind};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sha2::Sha256;

/// What signs and verifies; [installed](CryptoProvider::install_default) once in a process.
pub(super) const HS256: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key: &EncodingKey| Ok(Box::new(keyed(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key: &DecodingKey| Ok(Box::new(keyed(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(), // for keys in JSON, which nothing here reads
};

/// HMAC with SHA-256 and a key, before the message.
struct Keyed(Hmac<Sha256>);

fn keyed(algorithm: Algorithm, key: &[u8]) -> errors::Result<Keyed> {
    match algorithm {
        Algorithm::HS256 => Ok(Keyed(Hmac::new_from_slice(key).map_err(|_| ErrorKind::InvalidKeyFormat)?)),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

impl Signer<Vec<u8>> for Keyed {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Keyed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Keyed {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(Error::from_source)
    }
}

impl JwtVerifier for Keyed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
