//! Somebody who visits pages, with a session.

use std::time::{Duration, Instant};

use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub(crate) struct Visitor {
    origin: String,
    client: Client<HttpConnector, Full<Bytes>>,
    session: String,
}

impl Visitor {
    pub(crate) fn of(origin: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { origin: origin.to_owned(), client, session: String::new() }
    }

    /// Sends a form; the path of the page that it leads to.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> String {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Full::from(form.to_owned())).unwrap();
        let answer = self.client.request(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        if let Some(cookie) = answer.headers().get(SET_COOKIE) {
            self.session = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    /// The body of what is at the path, and how long all of it took.
    pub(crate) async fn get(&self, path: &str) -> (Bytes, Duration) {
        let began = Instant::now();
        let request = self.request(Method::GET, path).body(Full::default()).unwrap();
        let answer = self.client.request(request).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (body, began.elapsed())
    }

    /// How many bytes a first visit of a page loads in all.
    pub(crate) async fn weight(&self, path: &str) -> usize {
        let page = String::from_utf8(self.get(path).await.0.into()).unwrap();
        let mut files: Vec<_> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
        files.sort_unstable();
        files.dedup();
        let mut bytes = page.len();
        for file in files {
            bytes += self.get(file).await.0.len();
        }
        bytes
    }

    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(format!("{}{path}", self.origin)).header(COOKIE, &self.session)
    }
}
