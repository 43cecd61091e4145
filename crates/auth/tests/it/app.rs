//! The service with a database of its own, and what a browser would do with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use auth::{Auth, AuthSettings};
use devstack::{Mongod, Sources, Tool, find};
use serde_json::{Value, json};
use service::settings::{Sections, Settings, Sources as SettingsSources};
use service::{Running, launch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const KEY: &str = "a key for tests";

/// One mongod for all tests, on a runtime of its own; it dies with this process.
static MONGOD: LazyLock<String> = LazyLock::new(|| {
    let (tell, started) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let data = tempfile::tempdir().unwrap();
            let tool = Tool::MONGOD;
            let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
            let mut running = launch("mongod", Mongod { binary, data: data.path().to_owned(), port: 0 }).start();
            tell.send(running.ready().await.unwrap().uri).unwrap();
            running.ended().await.result.unwrap();
        });
    });
    started.recv().unwrap()
});

/// A database that no other test has.
pub(crate) fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    MONGOD.replace("/?", &format!("/auth-{number}?"))
}

pub(crate) struct App {
    running: Running<SocketAddr>,
    address: SocketAddr,
}

/// An answer, as far as the contract speaks of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The cookie that was set, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        self.headers["set-cookie"].split(';').next().unwrap().to_owned()
    }

    /// The answer is this error, byte for byte.
    pub(crate) fn is_error(&self, status: u16, errors: &Value) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(self.body, json!({ "errors": errors }).to_string());
    }
}

pub(crate) fn settings(uri: &str) -> Settings {
    let environment = [("JWT_KEY", KEY), ("MONGO_URI", uri), ("AUTH__BIND", "127.0.0.1:0")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let sources = SettingsSources { environment, ..SettingsSources::default() };
    Settings::load(Sections::new().with::<AuthSettings>(), sources).unwrap()
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::on(&database()).await
    }

    pub(crate) async fn on(uri: &str) -> Self {
        let mut running = launch("auth", Auth).settings(settings(uri)).start();
        let address = running.ready().await.unwrap();
        Self { running, address }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    /// Sends exactly this, and reads the answer to its end.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.ok(); // an answer may come before the end of the request
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Answer { status, headers, body: body.to_owned() }
    }

    pub(crate) async fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: ticketing.dev\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, "content-type: application/json\r\n", body.to_string().as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.request("GET", path, &format!("cookie: {cookie}\r\n"), b"").await
    }

    pub(crate) async fn sign_up(&self, email: &str) -> Answer {
        self.post("/api/users/signup", &json!({ "email": email, "password": "password" })).await
    }
}

pub(crate) fn field(name: &str, message: &str) -> Value {
    json!({ "message": message, "field": name })
}

pub(crate) fn message(message: &str) -> Value {
    json!([{ "message": message }])
}
