//! A reader of an HTTP answer that comes piece by piece.

use std::net::SocketAddr;
use std::pin::Pin;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::LIMIT;

type Connection = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// An answer that is being read.
#[derive(Debug)]
pub struct Reading {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    connection: Pin<Box<Connection>>,
    body: Incoming,
    read: Vec<u8>,
    /// Whether the body has ended, and if so, whether it did as HTTP demands.
    ended: Option<bool>,
}

impl Reading {
    /// Asks for a path.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::with(address, path, &[]).await
    }

    /// Asks with these headers besides.
    pub async fn with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        let (mut requests, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
        let mut connection = Box::pin(connection);
        let mut request = Request::get(path).header("host", "hub.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = requests.send_request(request.body(Full::default()).unwrap());
        let answer = tokio::select! {
            answer = timeout(LIMIT, answer) => answer.unwrap().unwrap(),
            ended = &mut connection => panic!("no answer: {ended:?}"),
        };
        let (head, body) = answer.into_parts();
        Self { status: head.status, headers: head.headers, connection, body, read: Vec::new(), ended: None }
    }

    /// Reads more; whether there was more.
    async fn more(&mut self) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let frame = tokio::select! {
            biased;
            frame = self.body.frame() => frame,
            _ = &mut self.connection => self.body.frame().await,
        };
        match frame {
            Some(Ok(frame)) => self.read.extend(frame.into_data().unwrap()),
            Some(Err(_)) => self.ended = Some(false),
            None => self.ended = Some(true),
        }
        self.ended.is_none()
    }

    /// Reads through this text and returns it with everything before it.
    pub async fn through(&mut self, end: &str) -> String {
        let reading = async {
            loop {
                let found = self.read.windows(end.len()).position(|window| window == end.as_bytes());
                if let Some(position) = found {
                    let text = self.read.drain(..position + end.len()).collect();
                    return String::from_utf8(text).unwrap();
                }
                assert!(self.more().await, "{end:?} never came: {}", String::from_utf8_lossy(&self.read));
            }
        };
        timeout(LIMIT, reading).await.unwrap_or_else(|_| panic!("{end:?} did not come"))
    }

    /// The next line, without its end.
    pub async fn line(&mut self) -> String {
        let line = self.through("\n").await;
        line.strip_suffix('\n').unwrap().to_owned()
    }

    /// The next line that is not empty.
    pub async fn message(&mut self) -> String {
        loop {
            let line = self.line().await;
            if !line.is_empty() {
                return line;
            }
        }
    }

    /// What is left, and whether the answer ended as it should.
    pub async fn rest(mut self) -> (String, bool) {
        timeout(LIMIT, async { while self.more().await {} }).await.unwrap();
        (String::from_utf8_lossy(&self.read).into_owned(), self.ended.unwrap())
    }
}
