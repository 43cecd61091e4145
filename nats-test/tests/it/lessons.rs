//! `--lesson` gives a listener exactly the options it had in that lesson.

use serde_json::Value;

use crate::harness::{Server, close, start};

/// What the broker shows of a listener: client id, consumer, whether it is durable, and where it began.
fn seen_of(server: &Server, options: &str) -> (String, String, bool, String) {
    let listener = server.listen(options);
    let [id] = &server.connected()[..] else { panic!("{options}") };
    let [consumer] = &server.consumers()[..] else { panic!("{options}") };
    let config = &consumer["config"];
    let start = config["deliver_policy"].as_str().unwrap().to_owned();
    let seen =
        (id.clone(), consumer["name"].as_str().unwrap().to_owned(), config["durable_name"] != Value::Null, start);
    close(listener);
    seen
}

#[test]
fn every_lesson_has_its_options() {
    let lessons = [
        ("listening", Some("123"), "ephemeral:client:", false, "new"),
        ("event-data", Some("123"), "ephemeral:client:", false, "new"),
        ("client-id", None, "ephemeral:client:", false, "new"),
        ("queue-groups", None, "ephemeral:group:orders-service-queue-group:ticket-created", false, "new"),
        ("manual-ack", None, "ephemeral:group:orders-service-queue-group:ticket-created", false, "new"),
        ("client-health-checks", None, "ephemeral:group:orders-service-queue-group:ticket-created", false, "new"),
        ("graceful-shutdown", None, "ephemeral:group:orders-service-queue-group:ticket-created", false, "new"),
        ("event-redelivery", None, "ephemeral:client:", false, "all"),
        ("durable-subscriptions", None, "accounting-service:queue-group-name:ticket-created", true, "all"),
    ];
    std::thread::scope(|scope| {
        for (lesson, client_id, consumer, durable, start) in lessons {
            scope.spawn(move || {
                let server = Server::start();
                let (id, name, is_durable, starts) = seen_of(&server, &format!("--lesson {lesson}"));
                assert!(client_id.is_none_or(|expected| id == expected), "{lesson}: {id}");
                assert!(name.starts_with(consumer), "{lesson}: {name}");
                assert_eq!((is_durable, starts.as_str()), (durable, start), "{lesson}");
                server.stop();
            });
        }
    });
}

#[test]
fn single_options_change_a_lesson_and_without_one_it_is_the_last() {
    let server = Server::start();
    let (.., name, durable, start) = seen_of(&server, "");
    assert_eq!(
        (name.as_str(), durable, start.as_str()),
        ("accounting-service:queue-group-name:ticket-created", true, "all")
    );
    server.stop();
    let server = Server::start();
    let (id, name, durable, start) =
        seen_of(&server, "--lesson listening --client-id me --queue-group g --durable g --deliver-all");
    assert_eq!((id.as_str(), name.as_str(), durable, start.as_str()), ("me", "g:ticket-created", true, "all"));
    server.stop();
    let server = Server::start();
    let (.., name, durable, start) = seen_of(&server, "--no-queue-group --no-durable --no-deliver-all");
    assert!(name.starts_with("ephemeral:client:"), "{name}");
    assert_eq!((durable, start.as_str()), (false, "new"));
    server.stop();
}

#[test]
fn a_lesson_without_a_name_lists_them_with_one_line_each() {
    let ended = start("listen", &["--lesson"]).end();
    assert_eq!(ended.code, Some(0));
    let names: Vec<_> = ended.stdout.iter().map(|line| line.split_whitespace().next().unwrap()).collect();
    let expected = [
        "listening",
        "event-data",
        "client-id",
        "queue-groups",
        "manual-ack",
        "client-health-checks",
        "graceful-shutdown",
        "event-redelivery",
        "durable-subscriptions",
    ];
    assert_eq!(names, expected);
    assert!(ended.stdout.iter().all(|line| line.len() > 40), "{:?}", ended.stdout);
}
