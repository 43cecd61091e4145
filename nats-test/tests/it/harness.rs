//! The commands as processes, and the monitoring pages of the broker.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use testkit::{Ended, Process};

/// Many times what anything here should take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) const TICKET: &str = r#"{"id":"123","title":"concert","price":20}"#;

pub(crate) fn path_of(binary: &str) -> &'static str {
    match binary {
        "server" => env!("CARGO_BIN_EXE_server"),
        "publish" => env!("CARGO_BIN_EXE_publish"),
        "listen" => env!("CARGO_BIN_EXE_listen"),
        "monitor" => env!("CARGO_BIN_EXE_monitor"),
        "accounts" => env!("CARGO_BIN_EXE_accounts"),
        "ticket-versions" => env!("CARGO_BIN_EXE_ticket-versions"),
        other => panic!("no command {other}"),
    }
}

/// Starts one of our commands.
pub(crate) fn start(binary: &str, arguments: &[&str]) -> Process {
    let mut command = Command::new(path_of(binary));
    command.args(arguments);
    spawn(command)
}

/// Starts a command without the variables of this test's environment that our commands read.
pub(crate) fn spawn(mut command: Command) -> Process {
    command.env_remove("NATS_URL").env_remove("RUST_LOG");
    Process::start(command)
}

/// The sequences of the next events that a listener prints.
pub(crate) fn events(listener: &mut Process, count: usize) -> Vec<u64> {
    (0..count).map(|_| sequence_of(&listener.line())).collect()
}

/// Sends Ctrl-C to a listener, which closes its connection; returns what it printed before.
pub(crate) fn close(listener: Process) -> Vec<String> {
    let Ended { code, mut stdout, stderr } = listener.interrupt();
    assert_eq!((code, stdout.pop().as_deref()), (Some(0), Some("NATS connection closed!")), "{stderr:?}");
    stdout
}

/// `server` on free ports, with a data folder of its own.
pub(crate) struct Server {
    process: Process,
    pub(crate) url: String,
    monitoring: String,
    data: TempDir,
}

fn serve(data: &TempDir, port: &str, options: &[&str]) -> (Process, String, String) {
    let folder = data.path().to_str().unwrap();
    let usual = ["--data", folder, "--port", port, "--monitoring-port", "0"];
    let mut process = start("server", &[&usual, options].concat());
    process.expect("NATS server with JetStream");
    let clients = process.line();
    let monitoring = process.line();
    process.expect(&format!("  data        {folder}"));
    (process, last_word(&clients), last_word(&monitoring))
}

fn last_word(line: &str) -> String {
    line.rsplit_once(' ').unwrap().1.to_owned()
}

impl Server {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (process, url, monitoring) = serve(&data, "0", &[]);
        Self { process, url, monitoring, data }
    }

    pub(crate) fn folder(&self) -> &str {
        self.data.path().to_str().unwrap()
    }

    /// `kill -9`, of the command and so of the nats-server that it runs.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// On the same port, with the same data.
    pub(crate) fn restart(&mut self) {
        let port = self.url.rsplit_once(':').unwrap().1.to_owned();
        (self.process, self.url, self.monitoring) = serve(&self.data, &port, &[]);
    }

    /// Stops it, and starts it again with these options on the same data.
    pub(crate) fn again(self, options: &[&str]) -> Self {
        let Self { process, data, .. } = self;
        assert_eq!(process.interrupt().code, Some(0));
        let (process, url, monitoring) = serve(&data, "0", options);
        Self { process, url, monitoring, data }
    }

    pub(crate) fn stop(self) {
        let ended = self.process.interrupt();
        assert_eq!(ended.code, Some(0), "{:?}", ended.stderr);
    }

    pub(crate) fn client(&self, binary: &str, options: &str) -> Process {
        let mut arguments = vec!["--url", &self.url];
        arguments.extend(options.split_whitespace());
        start(binary, &arguments)
    }

    /// `listen` with these options, ready to receive.
    pub(crate) fn listen(&self, options: &str) -> Process {
        let mut process = self.client("listen", options);
        process.expect("Listener connected to NATS");
        process
    }

    /// `listen` with these options, expected to fail.
    pub(crate) fn listen_refused(&self, options: &str) -> Ended {
        self.client("listen", options).end()
    }

    /// A `publish` with these options that waits for more input.
    pub(crate) fn publisher(&self, options: &str) -> Process {
        let mut process = self.client("publish", options);
        process.expect("Publisher connected to NATS");
        process
    }

    /// Publishes, and returns the sequences.
    pub(crate) fn publish(&self, options: &str) -> Vec<u64> {
        let ended = self.publisher(options).end();
        assert_eq!(ended.code, Some(0), "{:?}", ended.stderr);
        ended.stdout.iter().map(|line| sequence_of(line)).collect()
    }

    /// A page of the server's monitoring.
    pub(crate) fn page(&self, path: &str) -> Value {
        serde_json::from_str(&get(&self.monitoring, path).1).unwrap()
    }

    /// The consumers of the event stream, as the monitoring page `/jsz` shows them.
    pub(crate) fn consumers(&self) -> Vec<Value> {
        let page = self.page("/jsz?accounts=1&streams=1&consumers=1&config=1");
        let streams = page["account_details"][0]["stream_detail"].as_array().cloned().unwrap_or_default();
        let events = streams.into_iter().find(|stream| stream["name"] == "ticketing").unwrap_or_default();
        events["consumer_detail"].as_array().cloned().unwrap_or_default()
    }

    /// The names of the connected clients.
    pub(crate) fn connected(&self) -> Vec<String> {
        let page = self.page("/connz");
        let names = page["connections"].as_array().unwrap().iter();
        names.map(|connection| connection["name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until no consumer has anything that was delivered and not acked.
    pub(crate) fn wait_until_nothing_is_pending(&self) {
        until("every event acked", || {
            self.consumers().iter().all(|consumer| consumer["num_ack_pending"] == 0 && consumer["num_pending"] == 0)
        });
    }
}

/// Fetches a page: its status line, and its body.
pub(crate) fn get(origin: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(origin.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

pub(crate) fn until(what: &str, mut question: impl FnMut() -> bool) {
    let give_up = Instant::now() + LIMIT;
    while !question() {
        assert!(Instant::now() < give_up, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The number after the `#` of a line about an event.
pub(crate) fn sequence_of(line: &str) -> u64 {
    let (_, number) = line.split_once('#').unwrap_or_else(|| panic!("no sequence in {line:?}"));
    number.split(',').next().unwrap().parse().unwrap()
}
