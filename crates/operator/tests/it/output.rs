//! How the tool prints: styles, and the name of the program in its help.

use std::process::Command;

use events::Subject;
use serde_json::json;
use testkit::Broker;

use crate::program::{Ended, command, operator, run};
use crate::shop::Shop;

/// What a command prints on a terminal, with this environment.
fn on_a_terminal(arguments: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} bus {arguments}", env!("CARGO_BIN_EXE_operator")), "/dev/null"]);
    for name in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(environment.iter().copied());
    run(command).succeeded()
}

#[test]
fn styles_show_on_a_terminal_only_and_not_if_the_environment_refuses_them() {
    let is_styled = |text: &str| text.contains("\u{1b}[");
    assert!(is_styled(&on_a_terminal("describe", &[])));
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!is_styled(&on_a_terminal("describe", &[environment])), "{environment:?}");
    }
    assert!(!is_styled(&run(operator(&["describe"])).succeeded()));
}

#[test]
fn the_examples_of_the_help_name_the_running_program() {
    let help = run(operator(&["dlq", "redrive", "--help"])).succeeded();
    assert!(help.contains("\n  operator bus dlq redrive --all --rate 10\n"), "{help}");
    assert!(!help.contains("ticketing bus"), "{help}");
}

#[test]
fn every_command_has_examples_in_its_help() {
    for command in [&["ls"][..], &["tail"], &["describe"], &["replay"], &["audit"], &["drop"], &["dlq", "ls"]] {
        let help = run(operator(&[command, &["--help"]].concat())).succeeded();
        let example = format!("Examples:\n  operator bus {}", command.join(" "));
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
    let arguments = format!("tail --all -n 2 --nats-url {}", broker.url());
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
