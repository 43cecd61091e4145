//! What a browser would do with an API, and what nobody should.

use std::net::SocketAddr;
use std::time::Duration;

use common::extract::SessionKey;
use serde_json::Value;
use store::new_id;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Answer;

/// The key that sessions are signed with in tests.
pub const KEY: &str = "a key for tests";

/// An id that a person could have.
pub const SOMEBODY: &str = "507f1f77bcf86cd799439011";

/// The cookie of somebody who is signed in, from the real signer: anybody new each time.
pub fn session_of(email: &str) -> String {
    let value = SessionKey::new(KEY).sign(new_id(), email.to_owned(), Duration::from_secs(60 * 60)).unwrap();
    format!("session={value}")
}

/// The cookie of the person with this id, from the real signer.
///
/// # Panics
///
/// If it is not an id.
pub fn session_for(user_id: &str) -> String {
    let id = serde_json::from_value(Value::from(user_id)).unwrap();
    let value = SessionKey::new(KEY).sign(id, "test@test.com".to_owned(), Duration::from_secs(60 * 60)).unwrap();
    format!("session={value}")
}

/// Cookies that are nobody's session: forged, expired, unsigned, broken.
pub async fn no_sessions() -> Vec<String> {
    // {"jwt":"<header with alg none>.<claims>."}, as a well-known attack has it
    const UNSIGNED: &str = "eyJqd3QiOiJleUpoYkdjaU9pSnViMjVsSWl3aWRIbHdJam9pU2xkVUluMC5leUpwWkNJNklqVXdOMlkxWmpjM1ltTm1PRFpqWkRjNU9UUXpPVEF4TVNJc0ltVnRZV2xzSWpvaVlVQmlMbU52YlNJc0ltbGhkQ0k2TVN3aVpYaHdJam81T1RrNU9UazVPVGs1ZlEuIn0=";
    let sign = |key, good_for| SessionKey::new(key).sign(new_id(), "a@b.com".to_owned(), good_for).unwrap();
    let forged = sign("another key", Duration::from_secs(60));
    let expired = sign(KEY, Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(1100)).await; // its second is over
    let values = [&forged, &expired, UNSIGNED, "", "!!!", "%00", "e30=", "bnVsbA==", "eyJqd3QiOjV9"];
    values.map(|value| format!("session={value}")).to_vec()
}

/// Where an API listens.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// On a free port of 127.0.0.1.
    pub address: SocketAddr,
}

impl Api {
    /// Sends exactly this, and reads the answer to its end; nothing when the connection broke before.
    pub async fn try_raw(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        stream.write_all(request).await.ok(); // an answer may come before the end of the request
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Some(Answer { status, headers, body: body.to_owned() })
    }

    /// Sends exactly this, and reads the answer to its end.
    pub async fn raw(&self, request: &[u8]) -> Answer {
        self.try_raw(request).await.unwrap_or_else(|| panic!("no answer to {}", request.escape_ascii()))
    }

    /// Sends a request with these headers, each with its line's end, and this body.
    pub async fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.raw(&request(method, path, headers, body)).await
    }

    /// As [`Api::request`], with a body of JSON; nothing when the connection broke.
    pub async fn try_send(&self, method: &str, path: &str, cookie: &str, body: &Value) -> Option<Answer> {
        self.try_raw(&request(method, path, &json_from(cookie), body.to_string().as_bytes())).await
    }

    /// Sends a request with JSON.
    pub async fn send(&self, method: &str, path: &str, cookie: &str, body: &Value) -> Answer {
        self.request(method, path, &json_from(cookie), body.to_string().as_bytes()).await
    }

    /// Sends a POST request with JSON, without a session.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "", body).await
    }

    /// Sends a GET request with this cookie.
    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.request("GET", path, &format!("cookie: {cookie}\r\n"), b"").await
    }
}

fn json_from(cookie: &str) -> String {
    format!("content-type: application/json\r\ncookie: {cookie}\r\n")
}

fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: ticketing.dev\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}
