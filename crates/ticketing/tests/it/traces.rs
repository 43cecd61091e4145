//! What a collector sees of the application.

use events::{OrderCancelled, TicketCreated, TicketUpdated};
use serde_json::{Value, json};
use testkit::{
    Api, Broker, Collector, Database, KEY, ServiceProgram, Span, course_environment, session_of, settled, stored, until,
};

use crate::process::Program;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// Sells a ticket, and waits until it can be ordered.
async fn sell(tickets: Api, broker: &Broker) -> Value {
    let body = json!({ "title": "concert", "price": 20 });
    let ticket = tickets.send("POST", "/api/tickets", &session_of("seller@test.com"), &body).await.expect(201);
    until("announced", || async { stored::<TicketCreated>(broker).await.len() == 1 }).await;
    settled(broker, "orders-service:ticket-created").await;
    ticket["id"].clone()
}

/// Reserves it for somebody whose own step is given.
async fn reserve(orders: Api, ticket: &Value) {
    let headers = format!(
        "content-type: application/json\r\ncookie: {}\r\ntraceparent: 00-{TRACE}-{CALLER}-01\r\nx-correlation-id: sale-7\r\n",
        session_of("buyer@test.com")
    );
    let body = json!({ "ticketId": ticket }).to_string();
    orders.request("POST", "/api/orders", &headers, body.as_bytes()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn reserving_a_ticket_is_one_tree_of_spans_through_three_programs_below_the_callers_own() {
    let (broker, collector) = (Broker::start().await, Collector::start().await);
    let databases = [Database::new(), Database::new()];
    let folder = tempfile::tempdir().unwrap();
    let endpoint = collector.endpoint();
    let start = |name: &'static str, uri: &str| {
        let course = course_environment(uri, broker.url(), name);
        let own = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
        let course = if name == "expiration" { &course[2..] } else { &course[..] };
        ServiceProgram::start(name, &[course, &own].concat(), &folder.path().join(name), None)
    };
    let programs = [start("tickets", databases[0].uri()), start("orders", databases[1].uri()), start("expiration", "")];
    let [tickets, orders] = [0, 1].map(|place| Api { address: programs[place].address });
    for api in [tickets, orders] {
        until("it answers", || async { api.try_send("GET", "/", "", &json!({})).await.is_some() }).await;
    }
    let ticket = sell(tickets, &broker).await;
    reserve(orders, &ticket).await;

    let tree = "\
POST /api/orders (orders)
  send order:created (orders)
    process order:created (expiration)
      schedule expiration:complete (expiration)
    process order:created (tickets)
      send ticket:updated (tickets)
        process ticket:updated (orders)
";
    until("all spans", || async { collector.trace(TRACE).len() >= tree.lines().count() }).await;
    let spans = collector.trace(TRACE);
    assert_eq!(Span::tree(&spans, CALLER), tree);
    let of =
        |name: &str, service: &str| spans.iter().find(|span| span.name == name && span.service == service).unwrap();

    let request = of("POST /api/orders", "orders");
    assert_eq!((request.kind, request.failed), (SERVER, false));
    assert_eq!(request.attributes["http.request.method"], "POST");
    assert_eq!(request.attributes["http.route"], "/api/orders");
    assert_eq!(request.attributes["http.response.status_code"], "201");

    let (sent, handled) = (of("send order:created", "orders"), of("process order:created", "tickets"));
    assert_eq!((sent.kind, handled.kind), (PRODUCER, CONSUMER));
    for (name, value) in [
        ("messaging.system", "nats"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "order:created"),
        ("messaging.consumer.group.name", "tickets-service"),
        ("messaging.client.id", "tickets"),
    ] {
        assert_eq!(handled.attributes[name], value, "{handled:?}");
    }
    assert_eq!(handled.attributes["messaging.message.id"], sent.attributes["messaging.message.id"]);
    assert!(spans.iter().all(|span| span.attributes["correlation_id"] == "sale-7"), "{spans:#?}");

    // The header and the span are the same step.
    let stored = &stored::<TicketUpdated>(&broker).await[0];
    let step = of("send ticket:updated", "tickets");
    assert_eq!(stored.traceparent.as_deref(), Some(format!("00-{TRACE}-{}-01", step.id).as_str()));
    drop(programs);
    collector.stop().await;
    broker.stop().await;
}

const SERVER: i32 = 2;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_orders_time_belongs_to_its_trace_and_all_is_sent_before_the_application_has_stopped() {
    let (broker, collector, database) = (Broker::start().await, Collector::start().await, Database::new());
    let data = tempfile::tempdir().unwrap();
    let own = ["--jwt-key", KEY, "--order-window-seconds", "1", "--otlp-endpoint", &collector.endpoint()];
    let servers = ["--nats-url", broker.url(), "--mongo-uri", database.uri()];
    let program = Program::start(data.path(), &[&servers[..], &own].concat());
    let api = Api { address: program.api() };
    let ticket = sell(api, &broker).await;
    reserve(api, &ticket).await;
    until("expired", || async { stored::<OrderCancelled>(&broker).await.len() == 1 }).await;
    until("free again", || async { stored::<TicketUpdated>(&broker).await.len() == 2 }).await;
    let cancelled = ["expiration-service:order-cancelled", "payments-service:order-cancelled"];
    for consumer in ["orders-service:ticket-updated"].into_iter().chain(cancelled) {
        settled(&broker, consumer).await;
    }
    assert_eq!(program.interrupt(), Some(0));

    let tree = "\
POST /api/orders (orders)
  send order:created (orders)
    process order:created (expiration)
      schedule expiration:complete (expiration)
        process expiration:complete (orders)
          send order:cancelled (orders)
            process order:cancelled (expiration)
            process order:cancelled (payments)
            process order:cancelled (tickets)
              send ticket:updated (tickets)
                process ticket:updated (orders)
    process order:created (payments)
    process order:created (tickets)
      send ticket:updated (tickets)
        process ticket:updated (orders)
";
    assert_eq!(Span::tree(&collector.trace(TRACE), CALLER), tree);
    println!("{tree}");
    collector.stop().await;
    broker.stop().await;
}
