//! Injecting the faults of a schedule into a deployment.

use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::signal::Signal;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::deployment::Deployment;
use crate::faulty_bank;
use crate::proxy::Network;
use crate::schedule::{Fault, Injection, Recovery};

/// A fault that was injected, with the real times of its begin and end.
#[derive(Clone, Debug)]
pub(crate) struct Injected {
    pub(crate) fault: Fault,
    pub(crate) from: OffsetDateTime,
    pub(crate) to: OffsetDateTime,
}

/// Injects every fault at its time after `began`; returns them in the order in which they began.
pub(crate) async fn inject_all(deployment: &Deployment, injections: &[Injection], began: Instant) -> Vec<Injected> {
    let injected = injections.iter().map(async |Injection { at, duration, fault }| {
        sleep_until(began + *at).await;
        inject(deployment, *fault, *duration).await
    });
    let mut injected = join_all(injected).await;
    injected.sort_by_key(|injected| injected.from);
    injected
}

/// Injects a fault, and ends it after its duration.
async fn inject(deployment: &Deployment, fault: Fault, duration: Duration) -> Injected {
    let from;
    let at = Instant::now();
    match fault {
        Fault::KillInstance(index) => {
            let mut instance = deployment.instances[index].lock().await;
            from = OffsetDateTime::now_utc();
            instance.kill();
            sleep(duration).await;
            instance.program.start_again();
        }
        Fault::PauseInstance(index) => {
            let instance = deployment.instances[index].lock().await;
            from = OffsetDateTime::now_utc();
            instance.program.signal(Signal::SIGSTOP);
            sleep(duration).await;
            instance.program.signal(Signal::SIGCONT);
        }
        Fault::CrashInstance(index, point) => {
            let mut instance = deployment.instances[index].lock().await;
            from = OffsetDateTime::now_utc();
            instance.die_at(point, duration).await;
            instance.program.start_again();
        }
        Fault::RestartInstance(index) => {
            let mut instance = deployment.instances[index].lock().await;
            from = OffsetDateTime::now_utc();
            instance.stop().await;
            instance.program.start_again();
        }
        // The lock lets one broker fail at a time, so that a cluster always has a majority.
        Fault::KillBroker(number) => {
            let mut brokers = deployment.brokers.lock().await;
            from = OffsetDateTime::now_utc();
            brokers[number].kill().await;
            sleep(duration).await;
            brokers[number].restart().await;
        }
        Fault::PauseBroker(number) => {
            let brokers = deployment.brokers.lock().await;
            from = OffsetDateTime::now_utc();
            brokers[number].freeze();
            sleep(duration).await;
            brokers[number].wake();
        }
        Fault::KillDatabase => {
            let mut database = deployment.database.lock().await;
            from = OffsetDateTime::now_utc();
            database.kill().await;
            sleep(duration).await;
            database.restart().await;
        }
        Fault::PauseDatabase => {
            let database = deployment.database.lock().await;
            from = OffsetDateTime::now_utc();
            database.freeze();
            sleep(duration).await;
            database.wake();
        }
        Fault::BrokerNetwork(index, network, recovery) => {
            let set = async |network| deployment.instances[index].lock().await.set_broker_network(network);
            from = disturb(set, network, duration, recovery).await;
        }
        Fault::DatabaseNetwork(index, network, recovery) => {
            let set = async |network| deployment.instances[index].lock().await.to_database.set(network);
            from = disturb(set, network, duration, recovery).await;
        }
        Fault::BankNetwork(index, network, recovery) => {
            let set = async |network| deployment.instances[index].lock().await.to_bank.set(network);
            from = disturb(set, network, duration, recovery).await;
        }
        // While the bank is killed or paused it takes no orders; then there is one fault less.
        Fault::Bank(fault) => {
            let bank = deployment.bank().await;
            from = OffsetDateTime::now_utc();
            timeout(duration, faulty_bank::order(bank, fault)).await.ok();
            sleep_until(at + duration).await;
            timeout(duration, faulty_bank::clear(bank)).await.ok();
        }
    }
    Injected { fault, from, to: OffsetDateTime::now_utc() }
}

/// Changes a network for the duration; returns when that began.
async fn disturb(
    set: impl AsyncFn(Network),
    network: Network,
    duration: Duration,
    recovery: Recovery,
) -> OffsetDateTime {
    set(network).await;
    let from = OffsetDateTime::now_utc();
    sleep(duration).await;
    if recovery == Recovery::Reset {
        set(Network::Cut).await;
        sleep(Duration::from_millis(50)).await; // until every connection has noticed it
    }
    set(Network::Fine).await;
    from
}
