//! Gateways that are restarted one after the other, as a cluster does it.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::{Subject, TicketId};
use testkit::{Broker, new_id, until};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use super::gateways::{Live, created, position, text, three_programs, updated};

/// The pause between two events, for each client: the more clients, the fewer events a second.
const PAUSE: Duration = Duration::from_micros(200);

#[tokio::test(flavor = "multi_thread")]
async fn in_a_rolling_restart_every_client_returns_without_a_gap_and_they_do_not_all_return_at_once() {
    rolled(100, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form, which prints when the clients return"]
async fn a_thousand_clients_return_without_a_gap_over_the_time_of_the_drain() {
    let drain = Duration::from_secs(5);
    for (number, returns) in rolled(1000, drain).await.into_iter().enumerate() {
        println!("restart {}: {} clients return, by the time since the request to stop", number + 1, returns.len());
        let (step, last) = (drain / 10, returns.iter().max().copied().unwrap_or_default());
        let mut begin = Duration::ZERO;
        while begin <= last {
            let count = returns.iter().filter(|returned| (begin..begin + step).contains(*returned)).count();
            println!("  {:4.1} s {count:5} {}", begin.as_secs_f64(), "#".repeat(count));
            begin += step;
        }
    }
}

/// Who is connected to which gateway, and when those returned whose gateway was restarted last.
struct Clients {
    connected: [usize; 3],
    asked_to_stop: Instant,
    returns: Vec<Duration>,
}

/// Restarts three gateways while clients watch; for each restart, how long after the request to stop they returned.
async fn rolled(count: usize, drain: Duration) -> Vec<Vec<Duration>> {
    let (broker, folder) = (Broker::start().await, tempfile::tempdir().unwrap());
    let (milliseconds, per_address) = (drain.as_millis().to_string(), count.to_string());
    // All clients have one address here, and any gateway may have all of them.
    let settings = [("LIVE__DRAIN_MILLISECONDS", &*milliseconds), ("LIVE__MAX_PER_ADDRESS", &*per_address)];
    let mut gateways = three_programs(&broker, folder.path(), &settings).await;
    let addresses = gateways.each_ref().map(|gateway| gateway.address);
    let begin = position(addresses[0]).await;
    let client = broker.connect("tickets-1").await;
    let ticket = new_id();
    let clients = Clients { connected: [0; 3], asked_to_stop: Instant::now(), returns: Vec::new() };
    let clients = Arc::new(Mutex::new(clients));
    let mut watching = JoinSet::new();
    for number in 0..count {
        watching.spawn(watch(addresses, number % 3, begin.clone(), ticket, Arc::clone(&clients)));
    }
    let is_over = AtomicBool::new(false);
    let publishing = async {
        let (mut version, mut pace) = (0, interval(PAUSE * u32::try_from(count).unwrap()));
        while !is_over.load(Ordering::Relaxed) {
            pace.tick().await;
            match version {
                0 => client.publish_to(Subject::TicketCreated, text(&created(ticket))).await,
                _ => client.publish_to(Subject::TicketUpdated, text(&updated(ticket, version))).await,
            };
            version += 1;
        }
        client.publish_to(Subject::TicketCreated, text(&created(new_id()))).await; // another ticket is the end
        version
    };
    let rolling = async {
        let mut returns = Vec::new();
        let are_connected = || lock(&clients).connected.iter().sum::<usize>() == count;
        until("all are connected", || ready(are_connected())).await;
        for (number, gateway) in gateways.iter_mut().enumerate() {
            lock(&clients).asked_to_stop = Instant::now();
            assert_eq!(gateway.terminate().await, Some(0), "{}", gateway.log());
            gateway.start_again();
            until("it is ready again", || gateway.is_ready()).await;
            until("its clients are back", || ready(lock(&clients).connected[number] == 0 && are_connected())).await;
            returns.push(std::mem::take(&mut lock(&clients).returns));
        }
        is_over.store(true, Ordering::Relaxed);
        returns
    };
    let (published, returns) = tokio::join!(publishing, rolling);
    for seen in watching.join_all().await {
        assert_eq!(seen, published);
    }
    for returned in &returns {
        let spread = *returned.iter().max().unwrap() - *returned.iter().min().unwrap();
        assert!(spread > drain / 4, "{} clients returned within {spread:?}", returned.len());
    }
    for mut gateway in gateways {
        assert_eq!(gateway.terminate().await, Some(0));
    }
    client.close().await;
    broker.stop().await;
    returns
}

/// Watches the ticket until there is another one, and goes to the next gateway whenever one stops. Each version of the ticket
/// must come once, in order; how many there were.
async fn watch(
    addresses: [SocketAddr; 3],
    mut at: usize,
    begin: String,
    ticket: TicketId,
    clients: Arc<Mutex<Clients>>,
) -> u64 {
    let mut live = Live::open(addresses[at], &format!("tickets=all&after={begin}")).await;
    lock(&clients).connected[at] += 1;
    let mut next = 0;
    loop {
        match live.ticket_or_stop().await {
            Some((id, version)) if id == ticket.to_string() => {
                assert_eq!(version, next);
                next += 1;
            }
            Some(_) => return next,
            None => {
                lock(&clients).connected[at] -= 1;
                at = (at + 1) % addresses.len();
                let last = live.id.clone();
                assert_eq!(live.rest().await, (String::new(), true), "the stream ends with its last chunk");
                live = Live::returned(addresses[at], &last).await;
                let mut clients = lock(&clients);
                clients.connected[at] += 1;
                let returned = clients.asked_to_stop.elapsed();
                clients.returns.push(returned);
            }
        }
    }
}

fn lock(clients: &Mutex<Clients>) -> MutexGuard<'_, Clients> {
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}
