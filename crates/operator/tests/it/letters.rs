//! Dead letters with any payload: listed, shown and redriven like any other.

use testkit::until;

use crate::program::{TYPED, bus, json_lines};
use crate::shop::Shop;

/// Close to the largest message that a broker takes by default, 1 MiB with headers: as a dead letter, it has more.
const LARGEST: usize = 1024 * 1024 - 400;

async fn are_listed_shown_and_redriven(payload: Vec<u8>, text: &str) {
    let shop = Shop::open().await;
    let outsider = shop.broker.outsider().await;
    let size = payload.len();
    outsider.publish("ticket:created", payload.into()).await.unwrap().await.unwrap();
    // Both groups refuse it.
    let both = async |numbers: [u64; 2]| {
        until("two dead letters", async || {
            let listed = json_lines(&bus(&shop.broker, &["dlq", "ls", "--json"]).await.succeeded());
            listed.iter().map(|letter| letter["number"].as_u64().unwrap()).collect::<Vec<_>>() == numbers
        })
        .await;
    };
    both([1, 2]).await;
    let first = shop.letter(1).await;
    assert_eq!((first["wholeSize"].as_u64(), first["deliveries"].as_u64()), (Some(size as u64), Some(1)));
    assert!(first["text"].as_str().unwrap().starts_with(text), "{first}");
    let table = bus(&shop.broker, &["dlq", "ls"]).await.succeeded();
    assert_eq!(table.lines().count(), 3, "{table}");
    let page = bus(&shop.broker, &["dlq", "show", "1"]).await.succeeded();
    let (_, shown) = page.split_once(&format!("\nPayload, {size} bytes")).unwrap();
    assert!(shown.lines().nth(1).unwrap_or_default().trim_start().starts_with(text), "{shown:.100}");

    let redriven = bus(&shop.broker, &["dlq", "redrive", "--all"]).await;
    assert_eq!(redriven.stdout, "2 redriven, 2 failed again\n");
    let stderr = redriven.failed(1);
    assert!(stderr.starts_with("error: redrive: 2 failed again and are new dead letters: #3 (not "), "{stderr}");
    assert!(stderr.ends_with(&format!("; `{TYPED} bus dlq show 3` shows the first one\n")), "{stderr}");
    both([3, 4]).await; // which its handlers can't decode either
    let again = shop.letter(3).await;
    assert_eq!((&again["eventId"], &again["wholeSize"]), (&first["eventId"], &first["wholeSize"]));
    assert_eq!(bus(&shop.broker, &["dlq", "drop", "--all", "--yes"]).await.succeeded(), "2 dropped\n");
    shop.close().await;
}

#[tokio::test]
async fn a_letter_that_does_not_decode() {
    are_listed_shown_and_redriven(b"\xff\x00no JSON".to_vec(), r"\xff\x00no JSON").await;
}

#[tokio::test]
async fn a_letter_that_is_empty() {
    are_listed_shown_and_redriven(Vec::new(), "").await;
}

#[tokio::test]
async fn a_letter_of_one_megabyte() {
    are_listed_shown_and_redriven(vec![b'a'; 1_000_000], "aaaa").await;
}

#[tokio::test]
async fn a_letter_that_is_too_large_to_be_kept_whole() {
    are_listed_shown_and_redriven(vec![b'a'; LARGEST], "aaaa").await;
}
