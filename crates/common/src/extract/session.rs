//! The course's session: a cookie `session` with the base64 of `{"jwt":"..."}`.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp};
use serde::{Deserialize, Serialize};

use super::hs256::HS256;
use crate::errors::ApiError;
use events::UserId;

/// As lenient about padding as Node, which wrote the cookies of the course.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The user who is signed in. As an argument of a handler it is the course's `requireAuth`, which answers 401 if nobody is;
/// as an `Option<CurrentUser>` it is the course's `currentUser`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentUser {
    /// The id of the user.
    pub id: UserId,
    /// The e-mail address of the user when they signed in.
    pub email: String,
    /// When the user signed in, in seconds since 1970.
    pub iat: u64,
}

/// How a session cookie begins.
const NAMED: &[u8] = b"session=";

/// The cookies of a request that are named `session`, each as `session=<value>`, valid or not. Other programs of the same host
/// may have set some of them.
pub fn session_cookies(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let cookies = headers.get_all(COOKIE).iter().flat_map(|cookies| cookies.as_bytes().split(|byte| *byte == b';'));
    cookies.map(<[u8]>::trim_ascii).filter(|cookie| cookie.starts_with(NAMED))
}

/// The content of a token, in the order of the contract.
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    user: CurrentUser,
    exp: u64,
}

/// The content of the cookie.
#[derive(Serialize, Deserialize)]
struct Session {
    jwt: String,
}

/// The key that sessions are signed with, the same in all services: `JWT_KEY`.
#[derive(Clone)]
pub struct SessionKey {
    sign: EncodingKey,
    verify: DecodingKey,
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(***)")
    }
}

impl SessionKey {
    /// From the text of `JWT_KEY`.
    pub fn new(key: &str) -> Self {
        HS256.install_default().ok(); // whoever was first has installed the same
        Self { sign: EncodingKey::from_secret(key.as_bytes()), verify: DecodingKey::from_secret(key.as_bytes()) }
    }

    /// The value of the cookie for a user who signs in now; the session is valid for this time.
    ///
    /// # Errors
    ///
    /// None that can happen with a symmetric key; the signing library does not know that.
    pub fn sign(&self, id: UserId, email: String, good_for: Duration) -> Result<String, anyhow::Error> {
        let iat = get_current_timestamp();
        let claims = Claims { user: CurrentUser { id, email, iat }, exp: iat + good_for.as_secs() };
        let jwt = encode(&Header::new(Algorithm::HS256), &claims, &self.sign)?;
        Ok(BASE64.encode(serde_json::to_vec(&Session { jwt })?))
    }

    /// Who the request is from; nobody when the cookie is missing, forged, expired, or anything else.
    ///
    /// Only cookies named `session` are looked at, and the first valid one counts: browsers send the cookies of all programs
    /// of a host, whatever its port, with any bytes in them.
    pub fn current_user(&self, headers: &HeaderMap) -> Option<CurrentUser> {
        self.session(headers).map(|(user, _)| user)
    }

    /// Who the request is from, as [`current_user`](Self::current_user) says it, and when the session ends, in seconds since
    /// 1970.
    pub fn session(&self, headers: &HeaderMap) -> Option<(CurrentUser, u64)> {
        session_cookies(headers).find_map(|cookie| self.session_of(cookie.strip_prefix(NAMED)?))
    }

    /// The session that the value of a cookie is, in either of the two alphabets of base64.
    fn session_of(&self, value: &[u8]) -> Option<(CurrentUser, u64)> {
        let standard = |byte: &u8| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        };
        let text: Vec<u8> = value.iter().map(standard).collect();
        let Session { jwt } = serde_json::from_slice(&BASE64.decode(text).ok()?).ok()?;
        let mut rules = Validation::new(Algorithm::HS256); // and no other: not "none", say
        rules.leeway = 0;
        let Claims { user, exp } = decode(&jwt, &self.verify, &rules).ok()?.claims;
        Some((user, exp))
    }
}

impl<S> FromRequestParts<S> for CurrentUser
where
    S: Sync,
    SessionKey: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        SessionKey::from_ref(state).current_user(&parts.headers).ok_or(ApiError::NotAuthorized)
    }
}

impl<S> OptionalFromRequestParts<S> for CurrentUser
where
    S: Sync,
    SessionKey: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Infallible> {
        Ok(SessionKey::from_ref(state).current_user(&parts.headers))
    }
}
