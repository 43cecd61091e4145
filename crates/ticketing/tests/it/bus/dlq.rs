//! `ticketing bus dlq`: what could not be handled, and its second chance.

use super::bus;
use super::shop::{Shop, TRIES};

#[tokio::test]
async fn a_poison_event_holds_up_no_other_and_redriven_to_a_mended_handler_it_takes_effect_once_at_that_group_alone() {
    let shop = Shop::open().await;
    shop.sell(&["before", "poison", "then"]).await;
    let letter = shop.letter(1).await;
    shop.has_seats_and_prices(&["before", "then"], &["before", "poison", "then"]).await;
    assert_eq!((letter["group"].as_str(), letter["subject"].as_str()), (Some("seats-service"), Some("ticket:created")));
    assert_eq!(letter["reason"], "failed 2 times, the last time: no seat of that name");
    assert_eq!(letter["history"].as_array().unwrap().len(), TRIES);
    assert_eq!(letter["history"][0]["error"], "no seat of that name");
    let table = bus(&shop.broker, &["dlq", "ls"]).await.well();
    assert!(table.contains("seats-service  ticket:created") && table.contains("no seat of that name"), "{table}");
    let page = bus(&shop.broker, &["dlq", "show", "1"]).await.well();
    for part in ["Dead letter #1", "History", r#"    "title": "poison","#, letter["eventId"].as_str().unwrap()] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }

    shop.mend();
    assert_eq!(bus(&shop.broker, &["dlq", "redrive", "1"]).await.well(), "1 redriven\n");
    let all = ["before", "poison", "then"];
    shop.has_seats_and_prices(&all, &all).await;
    let said = bus(&shop.broker, &["dlq", "redrive", "1"]).await.ill(1);
    assert!(said.contains("there is no dead letter #1"), "{said}");
    let none = bus(&shop.broker, &["dlq", "ls"]).await;
    assert_eq!((&*none.stdout, &*none.stderr), ("", "There are no dead letters.\n"));
    shop.has_seats_and_prices(&all, &all).await;
    shop.close().await;
}

#[tokio::test]
async fn redriven_to_a_handler_that_is_broken_still_it_is_a_new_dead_letter_with_tries_of_its_own() {
    let shop = Shop::open().await;
    shop.sell(&["poison"]).await;
    let first = shop.letter(1).await;
    assert_eq!(bus(&shop.broker, &["dlq", "redrive", "--all"]).await.well(), "1 redriven\n");
    let second = shop.letter(2).await;
    assert_eq!(second["eventId"], first["eventId"]);
    assert_eq!(second["history"].as_array().unwrap().len(), TRIES);
    assert!(second["history"][0]["at"].as_str() > first["history"][1]["at"].as_str(), "{second}");
    shop.has_seats_and_prices(&[], &["poison"]).await;
    shop.close().await;
}

#[tokio::test]
async fn they_are_selected_by_number_event_subject_and_group_and_nothing_found_is_a_failure() {
    let shop = Shop::open().await;
    shop.sell(&["poison", "poison"]).await;
    let id = shop.letter(2).await["eventId"].as_str().unwrap().to_owned();
    let group = ["--group", "seats-service"];
    for (selection, numbers) in [
        (&["1"][..], &["1"][..]),
        (&["2", "1", "2"], &["1", "2"]),
        (&["--event-id", &id], &["2"]),
        (&group, &["1", "2"]),
        (&["--subject", "ticket:created", "2"], &["2"]),
        (&["--all"], &["1", "2"]),
    ] {
        let listed = bus(&shop.broker, &[&["dlq", "redrive", "--dry-run"], selection].concat()).await.well();
        let listed: Vec<_> = listed.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(listed, numbers, "{selection:?}");
    }
    for selection in
        [&["--event-id", "nobody"][..], &["--subject", "order:created"], &["1", "--group", "prices-service"]]
    {
        let said = bus(&shop.broker, &[&["dlq", "redrive"], selection].concat()).await.ill(1);
        assert!(said.contains("no dead letter is like that"), "{said}");
    }
    let said = bus(&shop.broker, &["dlq", "ls", "--group", "prices-service"]).await.ill(1);
    assert!(!said.contains("There are no dead letters"), "{said}");
    // What is there of several is done all the same.
    let some = bus(&shop.broker, &["dlq", "redrive", "--dry-run", "1", "7", "9"]).await;
    assert!(some.stdout.contains("seats-service"), "{some:?}");
    assert!(some.ill(1).contains("there is no dead letter #7, #9"));
    for (wrong, mend) in [
        (&["redrive"][..], "--event-id <ID>|--subject <SUBJECT>|--group <NAME>|--all"),
        (&["redrive", "--subject", "ticket"], "they are ticket:created, ticket:updated"),
        (&["drop", "1", "--all"], "cannot be used with"),
    ] {
        let said = bus(&shop.broker, &[&["dlq"], wrong].concat()).await.ill(2);
        assert!(said.contains(mend), "{said}");
    }
    shop.close().await;
}

#[tokio::test]
async fn what_nobody_would_hear_stays_a_dead_letter() {
    let mut shop = Shop::open().await;
    shop.sell(&["poison"]).await;
    shop.letter(1).await;
    let stream = shop.broker.outsider().await.get_stream("ticketing").await.unwrap();
    shop.stop_listening().await;
    stream.delete_consumer("seats-service:ticket-created").await.unwrap();
    let said = bus(&shop.broker, &["dlq", "redrive", "1"]).await.ill(1);
    assert!(said.contains("no seats-service listens to ticket:created"), "{said}");
    let table = bus(&shop.broker, &["dlq", "ls"]).await.well();
    assert!(table.contains("seats-service"), "{table}");
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_dropped_that_nobody_was_asked_about() {
    let shop = Shop::open().await;
    shop.sell(&["poison", "poison"]).await;
    shop.letter(2).await;
    let said = bus(&shop.broker, &["dlq", "drop", "--all"]).await.ill(2);
    assert!(said.contains("add --yes"), "{said}");
    let listed = bus(&shop.broker, &["dlq", "drop", "--all", "--dry-run"]).await.well();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    shop.letter(1).await;
    assert_eq!(bus(&shop.broker, &["dlq", "drop", "1", "--yes"]).await.well(), "1 dropped\n");
    let left = bus(&shop.broker, &["dlq", "ls"]).await.well();
    assert_eq!(left.lines().nth(1).unwrap().split(' ').next(), Some("2"));
    shop.close().await;
}

#[tokio::test]
async fn a_redrive_keeps_the_rate_it_was_told() {
    let shop = Shop::open().await;
    shop.sell(&["poison"; 5]).await;
    shop.letter(5).await;
    shop.mend();
    let began = std::time::Instant::now();
    assert_eq!(bus(&shop.broker, &["dlq", "redrive", "--all", "--rate", "2"]).await.well(), "5 redriven\n");
    assert!(began.elapsed().as_secs() >= 2, "{:?} for five of two in a second", began.elapsed());
    shop.close().await;
}
