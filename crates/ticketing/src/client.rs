//! A client of the APIs, as one person has it: with a session.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use service::Error;
use tokio::time::{sleep, timeout};

/// How long a record may take to reach another service.
const FOUND_WITHIN: Duration = Duration::from_secs(20);

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    api: SocketAddr,
    http: Http<HttpConnector, Full<Bytes>>,
    session: String,
}

impl Client {
    /// Nobody yet.
    pub(crate) fn new(api: SocketAddr) -> Self {
        Self { api, http: Http::builder(TokioExecutor::new()).build_http(), session: String::new() }
    }

    /// The same person goes to another server.
    pub(crate) fn go_to(&mut self, api: SocketAddr) {
        self.api = api;
    }

    /// Signs up under this address.
    pub(crate) async fn sign_up(&mut self, email: &str) -> Result<Value, Error> {
        let body = serde_json::json!({ "email": email, "password": "password" });
        self.send(Method::POST, "/api/users/signup", Some(body)).await?.expect(StatusCode::CREATED)
    }

    /// Sends a request; keeps the session that the answer may bring.
    pub(crate) async fn send(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<Answer, Error> {
        let what = format!("{method} {path}");
        let (status, body) = self.exchange(method, path, body).await.with_context(|| what.clone())?;
        let json =
            if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).with_context(|| what.clone())? };
        Ok(Answer { what, status, json })
    }

    /// The page at this path.
    pub(crate) async fn page(&mut self, path: &str) -> Result<String, Error> {
        let (status, body) = self.exchange(Method::GET, path, None).await.with_context(|| format!("GET {path}"))?;
        ensure!(status == StatusCode::OK, "GET {path} answered {status}");
        Ok(String::from_utf8(body.into())?)
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Bytes), Error> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.api));
        request = request.header(HOST, self.api.to_string()).header(COOKIE, &self.session);
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                body.to_string()
            }
            None => String::new(),
        };
        let request = request.body(Full::new(Bytes::from(body)))?;
        let answer = self.http.request(request).await?;
        if let Some(cookie) = answer.headers().get(SET_COOKIE) {
            self.session = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
        }
        Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
    }

    /// Creates something from a record that may not have reached the service yet: sends it until the answer is not 404.
    pub(crate) async fn create(&mut self, path: &str, body: &Value) -> Result<Value, Error> {
        let created = async {
            loop {
                let answer = self.send(Method::POST, path, Some(body.clone())).await?;
                if answer.status != StatusCode::NOT_FOUND {
                    return answer.expect(StatusCode::CREATED);
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(FOUND_WITHIN, created)
            .await
            .with_context(|| format!("POST {path} {body} is still answered with 404"))?
    }

    /// Whether the path is answered with success.
    pub(crate) async fn succeeds(&self, path: &str) -> bool {
        let request = Request::builder().uri(format!("http://{}{path}", self.api)).body(Full::default());
        let Ok(request) = request else { return false };
        self.http.request(request).await.is_ok_and(|answer| answer.status().is_success())
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Value, Error> {
        self.send(Method::GET, path, None).await?.expect(StatusCode::OK)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    what: String,
    pub(crate) status: StatusCode,
    pub(crate) json: Value,
}

impl Answer {
    /// The body, when the status is this one.
    pub(crate) fn expect(self, status: StatusCode) -> Result<Value, Error> {
        let Self { what, status: got, json } = self;
        ensure!(got == status, "{what} answered {got} {json}, and not {status}");
        Ok(json)
    }
}
