//! Those who watch the tickets live, while everything fails.
//!
//! Each watcher stays connected to the live gateways: whenever its connection ends, it returns to the next instance, behind
//! the last event that it has seen. It must never see a version go back, and in the end it has seen each ticket's last one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use testkit::Api;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::invariant::{Invariant, Violation};
use crate::records::Records;

/// How many there are.
const WATCHERS: usize = 3;

/// How long the last changes may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(20);

/// The watchers of a run, until they are dropped.
pub(crate) struct Watchers {
    seen: Vec<Arc<Mutex<Seen>>>,
    _watching: JoinSet<()>,
}

/// What one watcher has seen.
#[derive(Debug, Default)]
struct Seen {
    /// The last version of each ticket.
    versions: BTreeMap<String, i64>,
    /// What it should not have seen.
    wrong: Vec<(String, String)>,
}

impl Watchers {
    /// Begins to watch, at the position before everything that the run does.
    pub(crate) async fn start(gateways: &[SocketAddr]) -> Self {
        let answer = Api { address: gateways[0] }.get("/api/live/position", "").await;
        let position = answer.expect(200)["position"].as_str().unwrap().to_owned();
        let (mut seen, mut watching) = (Vec::new(), JoinSet::new());
        for number in 0..WATCHERS {
            let own = Arc::<Mutex<Seen>>::default();
            seen.push(Arc::clone(&own));
            watching.spawn(watch(gateways.to_vec(), number, position.clone(), own));
        }
        Self { seen, _watching: watching }
    }

    /// What a watcher has seen that it must not see, or has not seen in time.
    pub(crate) async fn check(&self, records: &Records) -> Vec<Violation> {
        let last: BTreeMap<_, _> = records.tickets.iter().map(|(id, ticket)| (id.clone(), ticket.version)).collect();
        let deadline = Instant::now() + SEEN_WITHIN;
        let has_seen_all = || self.seen.iter().all(|seen| lock(seen).versions == last);
        while !has_seen_all() && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
        let mut found = Vec::new();
        for (number, seen) in self.seen.iter().enumerate() {
            let Seen { versions, wrong } = &*lock(seen);
            let violated = |id: &str, what: &str| {
                Violation::new(Invariant::Live, &[id], format!("watcher {number} of {id} {what}"))
            };
            found.extend(wrong.iter().map(|(id, what)| violated(id, what)));
            for (id, version) in &last {
                if versions.get(id) != Some(version) {
                    found.push(violated(id, &format!("has seen {:?} last, and not {version}", versions.get(id))));
                }
            }
        }
        found
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch(gateways: Vec<SocketAddr>, number: usize, mut position: String, seen: Arc<Mutex<Seen>>) {
    for gateway in gateways.iter().cycle().skip(number) {
        // Whatever happens to the connection, the next instance is next.
        read(*gateway, &mut position, &seen).await.ok();
        sleep(Duration::from_millis(50)).await;
    }
}

/// Reads one connection to its end.
async fn read(gateway: SocketAddr, position: &mut String, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(gateway).await?;
    // HTTP/1.0 has no chunks.
    let request = format!("GET /api/live?tickets=all HTTP/1.0\r\nlast-event-id: {position}\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::new(socket).lines();
    if !lines.next_line().await?.unwrap_or_default().ends_with(" 200 OK") {
        return Ok(());
    }
    let (mut event, mut id) = (String::new(), String::new());
    // A line without its end is no line: the connection has broken off.
    while let Some(line) = lines.next_line().await? {
        if let Some(name) = line.strip_prefix("event: ") {
            event = name.to_owned();
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = text.to_owned();
        } else if let Some(Ok(data)) = line.strip_prefix("data: ").map(serde_json::from_str) {
            lock(seen).see(&event, &data);
            position.clone_from(&id);
        }
    }
    Ok(())
}

impl Seen {
    fn see(&mut self, event: &str, data: &Value) {
        let ticket = data["id"].as_str().unwrap_or_default().to_owned();
        let (Some(version), "ticket") = (data["version"].as_i64(), event) else {
            return self.wrong.push((ticket, format!("was sent {event} {data}")));
        };
        let before = self.versions.insert(ticket.clone(), version);
        if let Some(before) = before.filter(|before| *before >= version) {
            self.wrong.push((ticket, format!("saw version {version} after {before}")));
        }
    }
}
