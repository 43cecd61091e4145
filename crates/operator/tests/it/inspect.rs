//! `bus ls` and `tail`: read-only commands.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout};

use bus::{Connection, Heartbeat, Registration};
use events::Subject;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use service::launch;
use testkit::{Broker, Client, free_port, until};
use tokio::net::TcpListener;

use crate::program::{bus, command, json_lines, operator, run};
use crate::shop::{Shop, ticket};

#[tokio::test]
async fn ls_shows_the_streams_how_far_each_group_is_and_the_connected_clients() {
    let shop = Shop::open().await;
    let mut registered =
        launch("client-id", Registration { bus: shop.client.bus.clone(), heartbeat: Heartbeat::default() }).start();
    registered.ready().await.unwrap();
    shop.sell(&["poison", "a"]).await;
    shop.letter(1).await;
    shop.has_seats_and_prices(&["a"], &["a", "poison"]).await;
    let look = async || serde_json::from_str::<Value>(&bus(&shop.broker, &["ls", "--json"]).await.succeeded()).unwrap();
    let seen = look().await;
    let [events, dead_letters] = seen["streams"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!((&events["name"], &events["messages"]), (&json!("ticketing"), &json!(2)));
    assert_eq!((&events["firstSequence"], &events["lastSequence"]), (&json!(1), &json!(2)));
    assert!(
        events["firstStored"].is_string() && events["firstStored"].as_str() <= events["lastStored"].as_str(),
        "{events}"
    );
    assert_eq!((&dead_letters["name"], &dead_letters["messages"]), (&json!("ticketing-dead-letters"), &json!(1)));
    assert_eq!(seen["clients"][0]["id"], "shop");
    assert_eq!(seen["clients"][0]["listening"].as_array().unwrap().len(), 2);
    let group = |seen: &Value, group: &str| {
        seen["consumers"].as_array().unwrap().iter().find(|one| one["group"] == group).unwrap().clone()
    };
    let seats = group(&seen, "seats-service");
    assert_eq!((&seats["subject"], &seats["lag"], &seats["members"]), (&json!("ticket:created"), &json!(0), &json!(1)));

    // A group without a listener falls behind.
    let Shop { broker, client, .. } = &shop;
    let outsider = broker.outsider().await;
    let config = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("absent".to_owned()),
        filter_subject: "ticket:updated".to_owned(),
        ..Default::default()
    };
    outsider.create_consumer_on_stream(config, "ticketing").await.unwrap();
    for _ in 0..3 {
        client.publish_to(Subject::TicketUpdated, "{}").await;
    }
    let absent = group(&look().await, "absent");
    assert_eq!((&absent["lag"], &absent["members"], &absent["waiting"]), (&json!(3), &json!(0), &json!(0)));
    let table = bus(&shop.broker, &["ls"]).await.succeeded();
    let row = table.lines().find(|line| line.starts_with("absent")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["absent", "ticket:updated", "3", "0", "0", "0", "0"]);
    assert!(table.contains("shop    ticket:created\n        ticket:created"), "{table}");
    let head: Vec<_> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["STREAM", "MESSAGES", "SIZE", "FIRST", "LAST", "OLDEST", "NEWEST"]);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    // A service of this application that never ran has no consumer.
    let missing = json!({ "group": "orders-service", "subject": "ticket:created" });
    assert!(seen["missing"].as_array().unwrap().contains(&missing), "{seen}");
    let row = table.lines().find(|line| line.starts_with("orders-service")).unwrap();
    assert!(row.ends_with("absent"), "{row}");
    registered.stop().await.result.unwrap();
    shop.close().await;
}

#[tokio::test]
async fn a_read_only_command_creates_nothing_and_says_what_is_missing() {
    let broker = Broker::start().await;
    for command in [&["ls"][..], &["tail"], &["dlq", "ls"], &["dlq", "redrive", "1"]] {
        let stderr = bus(&broker, command).await.failed(1);
        assert!(stderr.contains("no stream ticketing") && stderr.contains("start the services"), "{stderr}");
    }
    assert_eq!(broker.outsider().await.query_account().await.unwrap().streams, 0);
    let Connection { url, .. } = broker.connection("a");
    broker.stop().await;
    let stderr = run(operator(&["ls", "--nats-url", url.as_str()])).failed(1);
    assert!(stderr.contains("no NATS server answers at") && stderr.contains("--nats-url"), "{stderr}");
}

#[tokio::test]
async fn an_absent_database_is_reported_with_a_hint_and_a_stop_before_the_end_is_a_failure() {
    let broker = Broker::start().await;
    let _services = broker.connect("a").await; // has created the streams
    let nobody = format!("mongodb://user:password@127.0.0.1:{}/shop", free_port());
    let stderr = bus(&broker, &["audit", "--mongo-uri", &nobody]).await.failed(1);
    let place = nobody.split(['@', '/']).nth(3).unwrap();
    assert!(
        stderr.contains(&format!("no MongoDB that takes writes answers at {place}: Connection refused"))
            && !stderr.contains("password"),
        "{stderr}"
    );

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("mongodb://{}/shop", silent.local_addr().unwrap());
    for doing in [&["audit"][..], &["replay", "orders-service"]] {
        let child = command(&broker, &[doing, &["--mongo-uri", &uri]].concat()).spawn().unwrap();
        let _connected = silent.accept().await.unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        let ended = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.code() == Some(1) && stderr.ends_with("stopped before anything was done\n"), "{stderr}");
    }
    broker.stop().await;
}

/// A running `tail` that listens.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(broker: &Broker, options: &[&str]) -> Self {
        let mut child = command(broker, &[&["tail"], options].concat()).spawn().unwrap();
        let mut listening = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut listening).unwrap();
        assert_eq!(listening, "Listening; Ctrl-C stops it.\n");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

async fn publish(client: &Client, subject: Subject, payload: &Value) -> u64 {
    client.publish_to(subject, payload.to_string()).await
}

#[tokio::test]
async fn tail_prints_what_is_published_from_now_on_until_ctrl_c() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    client.publish("before").await;
    let mut tail = Tail::start(&broker, &[]);
    let sequence = client.publish(serde_json::to_string(&ticket("concert")).unwrap()).await;
    let line = tail.next();
    let words: Vec<_> = line.splitn(6, ' ').collect();
    assert_eq!(words[1..3], ["ticket:created", &format!("#{sequence}")]);
    assert!(words[0].ends_with('Z') && words[3].len() == 22 && words[4] == "-", "{line}");
    assert!(words[5].starts_with(r#"{"id":""#) && words[5].contains("concert"), "{line}");
    client.publish("no JSON\n\u{1b}[2J").await;
    assert!(tail.next().ends_with(r"no JSON \u{1b}[2J"));
    kill(Pid::from_raw(tail.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(tail.code(), Some(0));
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn tail_prints_only_the_selected_events_as_json() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let (ticket, order) = ("5f5f6d1a9c1b2a0019e0a111", "5f5f6d1a9c1b2a0019e0a222");
    let created = publish(&client, Subject::TicketCreated, &json!({ "id": ticket, "price": 20.5 })).await;
    publish(&client, Subject::TicketCreated, &json!({ "id": "another", "title": ticket })).await;
    let ordered = publish(&client, Subject::OrderCreated, &json!({ "id": order, "ticket": { "id": ticket } })).await;
    let paid = publish(&client, Subject::PaymentCreated, &json!({ "id": "p", "orderId": order })).await;
    client.publish("oops").await;
    let tail = async |options: &[&str]| {
        json_lines(&bus(&broker, &[&["tail", "--all", "--json"], options].concat()).await.succeeded())
    };
    let sequences =
        |events: &[Value]| events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(sequences(&tail(&["--id", ticket, "-n", "2"]).await), [created, ordered]);
    assert_eq!(sequences(&tail(&["--id", order, "-n", "2"]).await), [ordered, paid]);
    assert_eq!(
        sequences(&tail(&["--subject", "payment:created", "--subject", "order:created", "-n", "2"]).await),
        [ordered, paid]
    );
    let all = tail(&["-n", "5"]).await;
    assert_eq!(
        (&all[0]["subject"], &all[0]["payload"]),
        (&json!("ticket:created"), &json!({ "id": ticket, "price": 20.5 }))
    );
    assert_eq!(all[0]["eventId"], all[0]["headers"]["Event-Id"]);
    assert_eq!((&all[4]["text"], &all[4]["payload"]), (&json!("oops"), &Value::Null));
    let since = bus(&broker, &["tail", "--since", "1h", "-n", "5"]).await.succeeded();
    assert_eq!(since.lines().count(), 5);
    for wrong in ["yesterday", "10", "-1h"] {
        let stderr = bus(&broker, &["tail", &format!("--since={wrong}")]).await.failed(2);
        assert!(stderr.contains("such as 30s, 10m, 2h or 1day"), "{stderr}");
    }
    let stderr = bus(&broker, &["tail", "--subject", "ticket:*"]).await.failed(2);
    assert!(stderr.contains("they are ticket:created, ticket:updated, order:created"), "{stderr}");
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn tail_succeeds_when_its_reader_closes_stdout() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut tail = Tail::start(&broker, &["--json"]);
    client.publish("1").await;
    tail.next();
    let Tail { mut child, lines } = tail;
    drop(lines);
    let publishing = &client;
    until("it has noticed", || {
        let has_ended = child.try_wait().unwrap().is_some();
        async move { has_ended || publishing.publish("2").await == 0 }
    })
    .await;
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    assert_eq!(stream.cached_info().state.consumer_count, 0);
    client.close().await;
    broker.stop().await;
}
