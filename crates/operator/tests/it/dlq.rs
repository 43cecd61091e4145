//! `bus dlq`: listing, redriving and dropping dead letters.

use crate::program::{TYPED, bus};
use crate::shop::{ATTEMPTS, Shop};

#[tokio::test]
async fn a_poison_event_blocks_no_other_and_redriven_to_a_fixed_handler_it_is_applied_once_by_that_group_only() {
    let shop = Shop::open().await;
    shop.sell(&["before", "poison", "then"]).await;
    let letter = shop.letter(1).await;
    shop.has_seats_and_prices(&["before", "then"], &["before", "poison", "then"]).await;
    assert_eq!((letter["group"].as_str(), letter["subject"].as_str()), (Some("seats-service"), Some("ticket:created")));
    assert_eq!(letter["reason"], "failed 2 times, the last time: no seat of that name");
    assert_eq!(letter["history"].as_array().unwrap().len(), ATTEMPTS);
    assert_eq!(letter["history"][0]["error"], "no seat of that name");
    assert_eq!((letter["deliveries"].as_u64(), letter["failures"].as_u64()), (Some(2), Some(2)));
    let table = bus(&shop.broker, &["dlq", "ls"]).await.succeeded();
    let words: Vec<_> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(words[0], ["NUMBER", "TIME", "GROUP", "SUBJECT", "EVENT-ID", "DELIVERIES", "FAILURES", "REASON"]);
    assert_eq!(words[1][2..4], ["seats-service", "ticket:created"]);
    assert_eq!(words[1][5..7], ["2", "2"]);
    assert!(table.contains("no seat of that name"), "{table}");
    let page = bus(&shop.broker, &["dlq", "show", "1"]).await.succeeded();
    for part in [
        "Dead letter #1",
        "  deliveries  2\n  failures    2\n",
        "History",
        r#"    "title": "poison","#,
        letter["eventId"].as_str().unwrap(),
    ] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }

    shop.fix_seats();
    assert_eq!(bus(&shop.broker, &["dlq", "redrive", "1"]).await.succeeded(), "1 redriven\n");
    let all = ["before", "poison", "then"];
    shop.has_seats_and_prices(&all, &all).await;
    let stderr = bus(&shop.broker, &["dlq", "redrive", "1"]).await.failed(1);
    assert!(stderr.contains("there is no dead letter #1"), "{stderr}");
    let none = bus(&shop.broker, &["dlq", "ls"]).await;
    assert_eq!((&*none.stdout, &*none.stderr), ("", "There are no dead letters.\n"));
    shop.has_seats_and_prices(&all, &all).await;
    shop.close().await;
}

#[tokio::test]
async fn redriven_to_a_handler_that_is_still_broken_it_becomes_a_new_dead_letter_with_attempts_of_its_own() {
    let shop = Shop::open().await;
    shop.sell(&["poison"]).await;
    let first = shop.letter(1).await;
    // It fails again after a retry, maybe after the command.
    let redriven = bus(&shop.broker, &["dlq", "redrive", "--all"]).await;
    assert!(redriven.stdout.starts_with("1 redriven"), "{redriven:?}");
    let second = shop.letter(2).await;
    assert_eq!(second["eventId"], first["eventId"]);
    assert_eq!(second["history"].as_array().unwrap().len(), ATTEMPTS);
    assert!(second["history"][0]["at"].as_str() > first["history"][1]["at"].as_str(), "{second}");
    shop.has_seats_and_prices(&[], &["poison"]).await;
    shop.close().await;
}

#[tokio::test]
async fn letters_are_selected_by_number_event_subject_and_group_and_what_was_named_must_exist() {
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
        let listed = bus(&shop.broker, &[&["dlq", "redrive", "--dry-run"], selection].concat()).await.succeeded();
        let listed: Vec<_> = listed.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(listed, numbers, "{selection:?}");
    }
    let no_match = format!("no dead letter matches; `{TYPED} bus dlq ls` lists all");
    for selection in [&["--event-id", "nobody"][..], &["1", "--group", "prices-service"]] {
        let stderr = bus(&shop.broker, &[&["dlq", "redrive"], selection].concat()).await.failed(1);
        assert!(stderr.contains(&no_match), "{stderr}");
    }
    for selection in [&["--subject", "order:created"], &["--group", "prices-service"]] {
        for command in [&["ls"][..], &["show"], &["redrive"], &["redrive", "--dry-run"], &["drop", "--yes"]] {
            let none = bus(&shop.broker, &[&["dlq"], command, selection].concat()).await;
            assert_eq!((&*none.stdout, none.stderr.trim_end()), ("", &*no_match), "{command:?} {selection:?}");
            none.succeeded();
        }
    }
    // Those of several that exist are redriven anyway.
    let some = bus(&shop.broker, &["dlq", "redrive", "--dry-run", "1", "7", "9"]).await;
    assert!(some.stdout.contains("seats-service"), "{some:?}");
    assert!(some.failed(1).contains("there is no dead letter #7, #9"));
    for (wrong, hint) in [
        (&["redrive"][..], "--event-id <ID>|--subject <SUBJECT>|--group <NAME>|--all"),
        (&["redrive", "--subject", "ticket"], "they are ticket:created, ticket:updated"),
        (&["drop", "1", "--all"], "cannot be used with"),
    ] {
        let stderr = bus(&shop.broker, &[&["dlq"], wrong].concat()).await.failed(2);
        assert!(stderr.contains(hint), "{stderr}");
    }
    shop.close().await;
}

#[tokio::test]
async fn of_no_letters_there_is_nothing_to_do_and_that_is_no_failure() {
    let shop = Shop::open().await;
    for command in
        [&["ls"][..], &["ls", "--all"], &["show", "--all"], &["redrive", "--all"], &["drop", "--all", "--yes"]]
    {
        let none = bus(&shop.broker, &[&["dlq"], command].concat()).await;
        assert_eq!((&*none.stdout, &*none.stderr), ("", "There are no dead letters.\n"), "{command:?}");
        none.succeeded();
    }
    shop.close().await;
}

#[tokio::test]
async fn a_letter_that_no_consumer_would_receive_is_not_redriven() {
    let mut shop = Shop::open().await;
    shop.sell(&["poison"]).await;
    shop.letter(1).await;
    let stream = shop.broker.outsider().await.get_stream("ticketing").await.unwrap();
    shop.stop_listening().await;
    stream.delete_consumer("seats-service:ticket-created").await.unwrap();
    let stderr = bus(&shop.broker, &["dlq", "redrive", "1"]).await.failed(1);
    assert!(stderr.contains("no seats-service listens to ticket:created"), "{stderr}");
    let table = bus(&shop.broker, &["dlq", "ls"]).await.succeeded();
    assert!(table.contains("seats-service"), "{table}");
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_dropped_without_a_confirmation() {
    let shop = Shop::open().await;
    shop.sell(&["poison", "poison"]).await;
    shop.letter(2).await;
    let stderr = bus(&shop.broker, &["dlq", "drop", "--all"]).await.failed(2);
    assert!(stderr.contains("pass --yes or --dry-run"), "{stderr}");
    let listed = bus(&shop.broker, &["dlq", "drop", "--all", "--dry-run"]).await.succeeded();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    shop.letter(1).await;
    assert_eq!(bus(&shop.broker, &["dlq", "drop", "1", "--yes"]).await.succeeded(), "1 dropped\n");
    let left = bus(&shop.broker, &["dlq", "ls"]).await.succeeded();
    assert_eq!(left.lines().nth(1).unwrap().split(' ').next(), Some("2"));
    shop.close().await;
}

#[tokio::test]
async fn a_redrive_keeps_the_given_rate() {
    let shop = Shop::open().await;
    shop.sell(&["poison"; 5]).await;
    shop.letter(5).await;
    shop.fix_seats();
    let began = std::time::Instant::now();
    assert_eq!(bus(&shop.broker, &["dlq", "redrive", "--all", "--rate", "2"]).await.succeeded(), "5 redriven\n");
    assert!(began.elapsed().as_secs() >= 2, "{:?} for five of two in a second", began.elapsed());
    shop.close().await;
}
