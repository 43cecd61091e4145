//! Watching something that a service needs. Time is tokio's paused clock.

use std::time::Duration;

use service::{Error, Exit, Scope, Service, State, launch};
use tokio::sync::watch;
use tokio::time::Instant;

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
