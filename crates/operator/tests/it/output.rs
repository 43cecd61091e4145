//! How the tool prints: styles, and the name of the program in its help.

use std::process::Command;

use events::Subject;
use serde_json::json;
use testkit::Broker;

use crate::program::{Ended, TYPED, command, operator, run};
use crate::shop::Shop;

/// A command on a terminal, with this environment.
fn terminal(arguments: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{TYPED} {arguments}"), "/dev/null"]);
    for name in ["CARGO_PKG_NAME", "CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(environment.iter().copied());
    command
}

/// What a command that succeeds prints on a terminal, with this environment.
fn on_a_terminal(arguments: &str, environment: &[(&str, &str)]) -> String {
    run(terminal(arguments, environment)).succeeded()
}

#[test]
fn styles_show_on_a_terminal_only_and_not_if_the_environment_refuses_them() {
    let is_styled = |text: &str| text.contains("\u{1b}[");
    assert!(is_styled(&on_a_terminal("bus describe", &[])));
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!is_styled(&on_a_terminal("bus describe", &[environment])), "{environment:?}");
    }
    assert!(!is_styled(&run(operator(&["describe"])).succeeded()));
}

/// A command without its database warns, and then fails.
#[tokio::test]
async fn the_log_of_a_command_has_colours_on_a_terminal_unless_the_environment_refuses_them() {
    let broker = Broker::start().await;
    broker.connect("a").await.close().await; // which makes the streams
    let arguments = format!("bus audit --nats-url {} --mongo-uri mongodb://127.0.0.1:1/shop", broker.url());
    let cases: [(&[(&str, &str)], bool); 3] =
        [(&[], true), (&[("NO_COLOR", "1")], false), (&[("TERM", "dumb")], false)];
    let printed = cases.map(|(environment, is_coloured)| {
        let command = terminal(&arguments, environment);
        (tokio::task::spawn_blocking(move || run(command)), is_coloured)
    });
    for (ended, is_coloured) in printed {
        let ended = ended.await.unwrap();
        assert!(ended.stdout.contains("WARN"), "{ended:?}");
        assert_eq!(ended.stdout.contains("\u{1b}["), is_coloured, "{ended:?}");
        assert_eq!(ended.code, Some(1), "{ended:?}");
    }
    broker.stop().await;
}

#[test]
fn what_help_and_errors_tell_to_type_is_what_was_typed() {
    for (package, typed) in
        [(None, TYPED), (Some("ticketing"), "cargo run --"), (Some("operator"), "cargo run --bin operator --")]
    {
        let printed = |options: &[&str]| {
            let mut command = operator(options);
            command.envs(package.map(|package| ("CARGO_PKG_NAME", package)));
            run(command)
        };
        let help = printed(&["dlq", "redrive", "--help"]).succeeded();
        assert!(help.contains(&format!("\n  {typed} bus dlq redrive --all --rate 10\n")), "{help}");
        let wrong = printed(&["tial"]).failed(2);
        assert!(wrong.contains(&format!("Usage: {typed} bus <COMMAND>")), "{wrong}");
    }
}

#[test]
fn every_command_has_examples_in_its_help() {
    for command in [&["ls"][..], &["tail"], &["describe"], &["replay"], &["audit"], &["drop"], &["dlq", "ls"]] {
        let help = run(operator(&[command, &["--help"]].concat())).succeeded();
        let example = format!("Examples:\n  {TYPED} bus {}", command.join(" "));
        assert!(help.contains(&example), "{help}");
    }
}

#[tokio::test]
async fn on_a_terminal_an_event_takes_two_short_lines_in_local_time() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let ids = json!({ "id": "5f5f6d1a9c1b2a0019e0a111", "title": "concert", "ticket": { "userId": "5f5f6d1a9c1b2a0019e0a222", "price": 20.5 } });
    client.publish_to(Subject::ExpirationComplete, ids.to_string()).await;
    client.publish("no JSON \u{1b}[2J").await;
    let arguments = format!("bus tail --all -n 2 --nats-url {}", broker.url());
    let tail = async |environment: &'static [(&str, &str)]| {
        let arguments = arguments.clone();
        tokio::task::spawn_blocking(move || on_a_terminal(&arguments, environment)).await.unwrap()
    };
    let shown = tail(&[("TERM", "dumb"), ("TZ", "UTC")]).await;
    let lines: Vec<_> = shown.lines().skip(1).collect(); // the first one is the remark
    assert!(
        lines[0][8..].starts_with("  expiration:complete  #1      event …") && lines[0].ends_with("request -"),
        "{shown}"
    );
    assert_eq!(lines[1].trim_start(), "id …0a111  title concert  ticket.userId …0a222  ticket.price 20.5");
    assert_eq!(lines[3].trim_start(), r"no JSON \u{1b}[2J");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{shown}");
    let styled = tail(&[("TZ", "UTC")]).await;
    assert!(styled.contains("\u{1b}[33mexpiration:complete\u{1b}[0m"), "{styled:?}");
    // Half an hour and some hours away from UTC.
    let elsewhere = tail(&[("TERM", "dumb"), ("TZ", "IST-5:30")]).await;
    let minutes = |text: &str| {
        let line = text.lines().nth(1).unwrap();
        line[..2].parse::<i32>().unwrap() * 60 + line[3..5].parse::<i32>().unwrap()
    };
    assert_eq!((minutes(&elsewhere) - minutes(&shown)).rem_euclid(24 * 60), 330, "{elsewhere} and {shown}");
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn what_is_listed_on_a_terminal_fits_into_eighty_columns() {
    let shop = Shop::open().await;
    shop.sell(&["a", "a long title, as titles of concerts are when two orchestras play", "poison"]).await;
    let letter = shop.letter(1).await["reason"].as_str().unwrap().to_owned();
    let uri = shop.with_outbox().await;
    let nats = format!("--nats-url {}", shop.broker.url());
    for (command, part) in [
        ("bus describe".to_owned(), "payments-service"),
        (format!("bus ls {nats}"), "ticketing-dead-letters"),
        (format!("bus dlq ls {nats}"), &*letter),
        (format!("bus tail --all -n 3 {nats}"), "title a long title,"),
        (format!("bus audit {nats} --mongo-uri '{uri}'"), "no discrepancies"),
    ] {
        // Also of one that finds what differs.
        let shown =
            tokio::task::spawn_blocking(move || run(terminal(&command, &[("TERM", "dumb")])).stdout).await.unwrap();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&shown).contains(&words(part)), "{shown}");
        // Sentences are left to the terminal.
        let listed = shown.lines().filter(|line| !line.contains(": ") || line.starts_with(' '));
        for line in listed {
            assert!(line.trim_end().chars().count() <= 80, "{line}\nin {shown}");
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn the_first_number_that_is_left_out_is_explained() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let event = async || client.publish_to(Subject::TicketCreated, "{}").await;
    let (first, withdrawn, third, gone, last) =
        (event().await, event().await, event().await, event().await, event().await);
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    for sequence in [withdrawn, gone] {
        stream.delete_message(sequence).await.unwrap();
    }
    let arguments = format!("bus tail --all -n 3 --nats-url {}", broker.url());
    let shown = tokio::task::spawn_blocking(move || on_a_terminal(&arguments, &[("TERM", "dumb")])).await.unwrap();
    let lines: Vec<_> = shown.lines().filter(|line| line.contains('#')).collect();
    assert_eq!(lines.len(), 4, "{shown}");
    for (line, part) in lines.iter().zip([
        format!("#{first} "),
        format!("(#{withdrawn} is not an event but a schedule, or withdrawn"),
        format!("#{third} "),
        format!("#{last} "),
    ]) {
        assert!(line.contains(&part), "{line} in {shown}");
    }
    client.close().await;
    broker.stop().await;
}

/// A command whose reader has gone before it prints.
async fn into_a_closed_pipe(broker: &Broker, options: &[&str]) -> Ended {
    let mut command = if options[0] == "describe" { operator(options) } else { command(broker, options) };
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        Ended { code: output.status.code(), stdout: String::new(), stderr: String::from_utf8(output.stderr).unwrap() }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn no_command_complains_when_its_reader_is_gone() {
    let shop = Shop::open().await;
    shop.sell(&["poison", "a"]).await;
    shop.letter(1).await;
    let uri = shop.with_outbox().await;
    for options in [
        &["ls"][..],
        &["ls", "--json"],
        &["describe"],
        &["describe", "--asyncapi"],
        &["tail", "--all"],
        &["dlq", "ls"],
        &["dlq", "ls", "--json"],
        &["dlq", "show", "1"],
        &["dlq", "redrive", "--all", "--dry-run"],
        &["audit", "--help"],
        &["audit", "--mongo-uri", uri],
        &["audit", "--json", "--mongo-uri", uri],
    ] {
        let ended = into_a_closed_pipe(&shop.broker, options).await;
        assert_eq!(ended.code, Some(0), "{options:?}: {ended:?}");
        let complains = ["error", "panicked", "pipe"].iter().any(|word| ended.stderr.contains(word));
        assert!(!complains, "{options:?}: {ended:?}");
    }
    shop.close().await;
}
