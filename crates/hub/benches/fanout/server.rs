//! The servers that are measured, each a process of its own.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use testkit::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How many clock ticks a second has in /proc (proc(5)); 100 on every Linux that we know.
const TICKS: u64 = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bare,
    Events,
    WebSockets,
}

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    publisher: TcpStream,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts it, with these settings besides.
    pub(crate) async fn start(kind: Kind, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address: SocketAddr = ([127, 0, 0, 1], free_port()).into();
        let mut command = match kind {
            Kind::Bare => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["bare", &address.to_string()]);
                command
            }
            Kind::Events | Kind::WebSockets => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
                command.arg("--rundir").arg(folder.path()).args(["--set", &format!("hub.bind={address}")]);
                command.args(["--set", "hub.keep_alive_seconds=3600"]); // the readers answer no pings
                for setting in settings {
                    command.args(["--set", setting]);
                }
                command
            }
        };
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let publisher = loop {
            match TcpStream::connect(address).await {
                Ok(publisher) => break publisher,
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        };
        publisher.set_nodelay(true).unwrap();
        Self { child, address, publisher, _folder: folder }
    }

    /// Publishes a message that says when it was published, with so many bytes besides, and waits until it is accepted.
    pub(crate) async fn publish(&mut self, channel: usize, besides: usize) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let (length, besides) = (22 + besides, " ".repeat(besides));
        let head = format!("POST /bench-{channel} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        let request = format!("{head}@{now:020}.{besides}");
        self.publisher.write_all(request.as_bytes()).await.unwrap();
        let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
        while !answer.ends_with(b"OK\n") {
            let read = self.publisher.read(&mut buffer).await.unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..read]);
        }
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// How long it has used a processor.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 1000 / TICKS)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
