//! "Client Health Checks": which subscriptions the monitor shows.

use serde_json::Value;

use testkit::Process;

use crate::harness::{Server, close, get, until};

struct Monitor {
    process: Process,
    origin: String,
}

impl Monitor {
    fn of(server: &Server) -> Self {
        let mut process = server.client("monitor", "--bind 127.0.0.1:0");
        let line = process.line();
        let origin = line.strip_prefix("The monitor is at ").unwrap().split(',').next().unwrap().to_owned();
        Self { process, origin }
    }

    fn page(&self, path: &str) -> Value {
        let body = get(&self.origin, path).1;
        assert!(body.ends_with("}\n"), "{body:?}");
        serde_json::from_str(&body).unwrap()
    }

    fn channel(&self) -> Value {
        self.page("/streaming/channelsz?subs=1&channel=ticket:created")
    }

    fn has_subscriptions(&self, count: u64) {
        until(&format!("{count} subscriptions"), || self.channel()["subs_count"] == count);
    }

    fn stop(self) {
        assert_eq!(self.process.interrupt().code, Some(0));
    }
}

/// With the heartbeats ten times as quick as the course's: forgotten after 2.4 to 3 s instead of 25 to 30.
#[test]
fn a_killed_listener_is_counted_until_its_heartbeats_are_missed_and_one_that_closes_its_connection_is_not() {
    let server = Server::start();
    let monitor = Monitor::of(&server);
    let quick = "--lesson client-health-checks --hbi 500ms --hbt 500ms";
    let (first, mut second) = (server.listen(quick), server.listen(quick));
    monitor.has_subscriptions(2);
    close(first);
    let first = server.listen(quick);
    monitor.has_subscriptions(2);
    second.kill();
    let second = server.listen(quick);
    monitor.has_subscriptions(3); // the dead one, too
    monitor.has_subscriptions(2);
    close(first);
    close(second);
    monitor.stop();
    server.stop();
}

#[test]
fn the_pages_have_the_fields_of_nats_streaming() {
    let server = Server::start();
    let monitor = Monitor::of(&server);
    let listener = server.listen("--client-id 123 --ack-wait 20s --max-in-flight 7");
    server.publish("--count 3");
    server.publish("--subject order:created");
    server.wait_until_nothing_is_pending();
    until("all bytes added up", || monitor.channel()["bytes"] == 3 * 41);

    let channel = monitor.channel();
    let subscription = &channel["subscriptions"][0];
    for (field, expected) in [
        (&channel["name"], Value::from("ticket:created")),
        (&channel["msgs"], 3.into()),
        (&channel["first_seq"], 1.into()),
        (&channel["last_seq"], 3.into()),
        (&subscription["client_id"], "123".into()),
        (&subscription["queue_name"], "accounting-service:queue-group-name".into()),
        (&subscription["is_durable"], true.into()),
        (&subscription["is_offline"], false.into()),
        (&subscription["max_inflight"], 7.into()),
        (&subscription["ack_wait"], 20.into()),
        (&subscription["last_sent"], 3.into()),
        (&subscription["pending_count"], 0.into()),
        (&subscription["is_stalled"], false.into()),
        (&monitor.page("/streaming/serverz")["subscriptions"], 1.into()),
        (&monitor.page("/streaming/serverz")["total_msgs"], 4.into()),
        (&monitor.page("/streaming/storez")["type"], "FILE".into()),
        (&monitor.page("/streaming/channelsz")["names"], vec!["ticket:created", "order:created"].into()),
        (&monitor.page("/streaming/channelsz?limit=1&offset=1")["names"], vec!["order:created"].into()),
        (&monitor.page("/streaming/clientsz?client=123")["subs_count"], 1.into()),
        (&monitor.page("/streaming/clientsz")["total"], 1.into()),
    ] {
        assert_eq!(field, &expected);
    }
    assert!(get(&monitor.origin, "/streaming/channelsz?channel=nonsense").0.contains("404"));
    let (status, page) = get(&monitor.origin, "/");
    assert!(status.contains("200") && page.contains("123 (live)") && page.contains("http-equiv=refresh"), "{page}");

    close(listener);
    until("an offline row with the last client id", || {
        let channel = monitor.channel();
        let row = &channel["subscriptions"][0];
        row["is_offline"] == true && row["client_id"] == "123"
    });
    assert_eq!(monitor.page("/streaming/clientsz")["total"], 0);
    monitor.stop();
    server.stop();
}
