//! Watching something that a service needs. Time is tokio's paused clock.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use service::{Error, Exit, Scope, Service, State, launch};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

const EVERY: Duration = Duration::from_secs(1);
const WITHIN: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
enum Broker {
    Answers,
    Refuses,
    Hangs,
}

/// Watches a broker; its handle does nothing.
struct Watches(watch::Receiver<Broker>);

impl Service for Watches {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let check = async || {
            let broker = *self.0.borrow();
            match broker {
                Broker::Answers => Ok(()),
                Broker::Refuses => Err("connection refused"),
                Broker::Hangs => std::future::pending().await,
            }
        };
        scope.watch("nats", EVERY, WITHIN, check).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_is_shown_as_waiting_while_what_it_needs_fails_or_does_not_answer() {
    let (broker, watched) = watch::channel(Broker::Answers);
    let mut root = launch("root", Watches(watched)).start();
    root.ready().await.unwrap();
    let cases = [
        (Broker::Refuses, State::Waiting, Some("connection refused")),
        (Broker::Hangs, State::Waiting, Some("no answer within 2s")),
        (Broker::Answers, State::Ready, None),
    ];
    for (answers, state, why) in cases {
        let changed = Instant::now();
        broker.send_replace(answers);
        let rows = root.tree().wait_for(|rows| rows[0].state == state && rows[0].error.as_deref() == why).await;
        assert_eq!(rows[0].waits_for, why.map(|_| "nats"));
        assert!(changed.elapsed() <= EVERY + WITHIN, "{:?} on the paused clock", changed.elapsed());
    }
    assert_eq!(root.stop().await.exit(), Exit::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_the_service_is_asked_to_stop_also_during_a_check() {
    let (_broker, watched) = watch::channel(Broker::Hangs);
    let mut root = launch("root", Watches(watched)).start();
    root.ready().await.unwrap();
    assert_eq!(root.stop().await.exit(), Exit::Clean);
}

/// Starts two services that watch the same broker.
struct Both(watch::Receiver<Broker>);

impl Service for Both {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.start("first", Watches(self.0.clone())).await?;
        scope.start("second", Watches(self.0)).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}

/// What was logged, for a subscriber that writes into it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The warnings since the last call.
    fn warnings(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter_map(|line| Some(line.split_once("WARN ")?.1.to_owned())).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_away_is_one_warning_however_many_need_it_and_that_it_is_back_another() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_target(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let (broker, watched) = watch::channel(Broker::Answers);
    let mut root = launch("root", Both(watched)).start();
    root.ready().await.unwrap();
    for _ in 0..2 {
        broker.send_replace(Broker::Refuses);
        root.tree().wait_for(|rows| rows[1..].iter().all(|row| row.state == State::Waiting)).await;
        // A loss that one check sees and the next one does not is no warning.
        assert_eq!(log.warnings(), Vec::<String>::new());
        sleep(10 * EVERY).await;
        assert_eq!(log.warnings(), ["nats is away: connection refused; what needs it waits"]);
        broker.send_replace(Broker::Answers);
        root.tree().wait_for(|rows| rows.iter().all(|row| row.state == State::Ready)).await;
        assert_eq!(log.warnings(), ["nats is back"]);
    }
    broker.send_replace(Broker::Hangs);
    sleep(10 * (EVERY + WITHIN)).await;
    assert_eq!(log.warnings(), ["nats is away: no answer within 2s; what needs it waits"]);
    assert_eq!(root.stop().await.exit(), Exit::Clean);
}
