//! Concurrent changes of one ticket.

use crate::shop::Shop;
use crate::summary;

const ROUNDS: usize = 100;

/// How many changes are made at the same time.
const BURSTS: [u64; 4] = [1, 3, 15, 50];

pub(crate) async fn run() {
    println!("bursts: from the last answered change of a ticket until the copy has all of them, {ROUNDS} rounds");
    for processes in [1, 3] {
        let shop = Shop::open(processes, &[]).await;
        for changes in BURSTS {
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                let ticket = shop.sell().await;
                shop.copied(&ticket, 0).await;
                let version = shop.change(&ticket, changes).await;
                times.push(shop.copied(&ticket, version).await);
            }
            println!("  {changes:>2} changes, {processes} process(es) of orders   {}", summary(times));
        }
        shop.close().await;
    }
}
