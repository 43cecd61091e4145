//! What no command takes.

use crate::harness::{Server, start};

/// The command, its options, and what it says about them.
const REFUSED: [(&str, &[&str], &str); 39] = [
    ("listen", &["--ack-wait", "x"], "invalid value 'x' for '--ack-wait <TIME>'"),
    ("listen", &["--ack-wait", "0s"], "at least 100ms"),
    ("listen", &["--ack-wait", "25h"], "at most 24h"),
    ("listen", &["--delay", "12"], "a time looks like 500ms, 12s or 1m"),
    ("listen", &["--delay=-1s"], "a time looks like 500ms, 12s or 1m"),
    ("listen", &["--lesson", "nonsense"], "invalid value 'nonsense' for '--lesson [<NAME>]'"),
    ("listen", &["--client-id", "a.b"], "a name has 1 to 64 letters, digits"),
    ("listen", &["--client-id", ""], "a name has 1 to 64 letters, digits"),
    ("listen", &["--queue-group", "a b"], "a name has 1 to 64 letters, digits"),
    ("listen", &["--durable", "a:b"], "a name has 1 to 64 letters, digits"),
    ("listen", &["--cluster-id", "*"], "a name has 1 to 64 letters, digits"),
    ("listen", &["--url", "nats://"], "it looks like nats://localhost:4222"),
    ("listen", &["--url", "http://localhost:4222"], "it looks like nats://localhost:4222"),
    ("listen", &["--max-in-flight", "0"], "invalid value '0' for '--max-in-flight <NUMBER>'"),
    ("listen", &["--batch", "0"], "invalid value '0' for '--batch <NUMBER>'"),
    ("listen", &["--batch", "10001"], "invalid value '10001' for '--batch <NUMBER>'"),
    ("listen", &["--subject", "ticket:*"], "they are ticket:created, ticket:updated, "),
    ("listen", &["--fail", "sometimes"], "expected never, always, or first-N"),
    ("listen", &["--fail", "first-x"], "expected never, always, or first-N"),
    ("listen", &["--dead-letters", "--subject", "order:created"], "cannot be used with"),
    ("listen", &["--nonsense"], "unexpected argument '--nonsense'"),
    ("listen", &["nonsense"], "unexpected argument 'nonsense'"),
    ("publish", &["--client-id", "a.b"], "a name has 1 to 64 letters, digits"),
    ("publish", &["--count", "0"], "invalid value '0' for '--count <NUMBER>'"),
    ("publish", &["--count", "many"], "invalid value 'many' for '--count <NUMBER>'"),
    ("publish", &["--interval", "soon"], "a time looks like 500ms, 12s or 1m"),
    ("publish", &["--price", "free"], "invalid value 'free' for '--price <PRICE>'"),
    ("publish", &["--price", "-1"], "a price is a number above 0"),
    ("listen", &["--no-queue-group"], "name one with --client-id, or add --no-durable"),
    ("listen", &["--hbi", "0"], "at least 1ms"),
    ("monitor", &["--bind", "here"], "invalid value 'here' for '--bind <ADDRESS:PORT>'"),
    ("accounts", &["--scenario", "luck"], "invalid value 'luck' for '--scenario <SCENARIO>'"),
    ("accounts", &["--matrix", "--solution", "none"], "cannot be used with"),
    ("server", &["--port", "15300", "--monitoring-port", "15300"], "are both 15300: they must differ"),
    ("publish", &["--data", "{id: 1}"], "not JSON: "),
    ("publish", &["--data", "{}", "--price", "20"], "cannot be used with"),
    ("publish", &["--subject", "ticket.created"], "they are ticket:created, ticket:updated, "),
    ("server", &["--port", "70000"], "invalid value '70000' for '--port <PORT>'"),
    ("server", &["--data", "/dev/null/data"], "/dev/null/data"),
];

#[test]
fn each_option_says_in_one_line_what_is_wrong_with_its_value() {
    for (command, options, expected) in REFUSED {
        let ended = start(command, options).end();
        assert!(matches!(ended.code, Some(1 | 2)), "{command} {options:?}: {:?}", ended.code);
        let [line] = &ended.stderr[..] else { panic!("{command} {options:?}: {:?}", ended.stderr) };
        assert!(line.starts_with("error: ") && line.contains(expected), "{command} {options:?}: {line}");
        assert!(ended.stdout.is_empty(), "{command} {options:?}: {:?}", ended.stdout);
    }
}

#[test]
fn nothing_is_published_when_an_option_is_wrong() {
    let server = Server::start();
    for (_, options, _) in REFUSED.iter().filter(|(command, ..)| *command == "publish") {
        let mut arguments = vec!["--url", &server.url];
        arguments.extend_from_slice(options);
        assert_eq!(start("publish", &arguments).end().code, Some(2), "{options:?}");
    }
    assert_eq!(server.publish(""), [1]);
    server.stop();
}

#[test]
fn a_broker_with_the_events_of_another_cluster_is_refused() {
    let server = Server::start();
    server.publish("");
    let ended = server.listen_refused("--cluster-id other");
    assert_eq!((ended.code, ended.stderr.len()), (Some(1), 1), "{:?}", ended.stderr);
    assert!(ended.stderr[0].contains("holds the events of cluster ticketing"), "{:?}", ended.stderr);
    server.stop();
}

#[test]
fn help_is_there_for_each() {
    for command in ["server", "publish", "listen", "monitor", "accounts", "ticket-versions"] {
        let ended = start(command, &["--help"]).end();
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.iter().any(|line| line.starts_with("Usage: ")), "{:?}", ended.stdout);
    }
}
