//! However the events of a history arrive, and how often, it ends the same.

use std::time::Duration;

use bus::EVENT_ID;
use events::{
    CancelledTicket, Event, OrderCancelled, OrderCreated, OrderStatus, OrderedTicket, PaymentCreated, TicketCreated,
    TicketUpdated,
};
use events::{OrderId, Price, TicketId, UserId};
use futures_util::{StreamExt, stream};
use mongodb::Collection;
use mongodb::bson::{DateTime, Document, doc};
use service::launch;
use testkit::{Broker, Database, course_environment, new_id, settings, until_in};
use time::OffsetDateTime;

/// The longest wait for thousands of transactions.
const MUCH: Duration = Duration::from_secs(240);

/// One ticket and two orders: sold, made more expensive, reserved, given up, reserved again, paid.
struct History {
    ticket: TicketId,
    seller: UserId,
    first: OrderId,
    second: OrderId,
    buyer: UserId,
}

impl History {
    fn new() -> Self {
        let (ticket, first, second) = (new_id(), new_id(), new_id());
        Self { ticket, seller: new_id(), first, second, buyer: new_id() }
    }

    /// The six events, each with its subject and its bytes.
    fn events(&self) -> [(&'static str, String); 6] {
        let Self { ticket, seller, first, second, buyer } = self;
        let title = "concert".to_owned();
        let price = |cents| Price::from_cents(cents).unwrap();
        let (id, user_id) = (*ticket, *seller);
        let sold = TicketCreated { id, version: 0, title: title.clone(), price: price(2000), user_id };
        let (id, user_id) = (*ticket, *seller);
        let raised = TicketUpdated { id, version: 1, title, price: price(2500), user_id, order_id: None };
        let created = |id: &OrderId, window| OrderCreated {
            id: *id,
            version: 0,
            status: OrderStatus::Created,
            user_id: *buyer,
            expires_at: OffsetDateTime::now_utc() + window,
            ticket: OrderedTicket { id: *ticket, price: price(2500) },
        };
        let cancelled = OrderCancelled { id: *first, version: 1, ticket: CancelledTicket { id: *ticket } };
        let paid = PaymentCreated { id: new_id(), order_id: *second, stripe_id: "ch_1".to_owned() };
        [
            json(&sold),
            json(&raised),
            json(&created(first, Duration::ZERO)), // whose end is published without effect
            json(&cancelled),
            json(&created(second, Duration::from_secs(900))),
            json(&paid),
        ]
    }

    /// What the owners have, who have said all that but the payment.
    async fn begin(&self, tickets: &Collection<Document>, orders: &Collection<Document>) {
        let Self { ticket, seller, first, second, buyer } = self;
        let sold = doc! {
            "_id": ticket.to_string(), "title": "concert", "price": 25, "userId": seller.to_string(), "version": 1_i64,
        };
        tickets.insert_one(sold).await.unwrap();
        for (id, status, version) in [(first, "cancelled", 1_i64), (second, "created", 0)] {
            let order = doc! {
                "_id": id.to_string(), "userId": buyer.to_string(), "status": status, "expiresAt": DateTime::MAX,
                "ticketId": ticket.to_string(), "version": version,
            };
            orders.insert_one(order).await.unwrap();
        }
    }
}

fn json<E: Event>(event: &E) -> (&'static str, String) {
    (E::SUBJECT.as_str(), serde_json::to_string(event).unwrap())
}

/// All orders of so many things.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let insert = |shorter: Vec<usize>| {
        (0..count).map(move |place| {
            let mut longer = shorter.clone();
            longer.insert(place, count - 1);
            longer
        })
    };
    permutations(count - 1).into_iter().flat_map(insert).collect()
}

#[tokio::test]
async fn six_events_in_every_order_and_each_of_them_twice_end_in_the_same_state() {
    let (broker, owner_of_tickets, owner_of_orders) = (Broker::start().await, Database::new(), Database::new());
    let environment = |uri, id| course_environment(uri, broker.url(), id);
    let course = environment(owner_of_tickets.uri(), "tickets-1");
    let tickets_settings =
        settings((tickets::DECLARATION.sections)(), &[&course[..], &[("HTTP__BIND", "127.0.0.1:0")]].concat());
    let mut tickets = launch("tickets", tickets::PROGRAM).settings(tickets_settings).start();
    let course = environment(owner_of_orders.uri(), "orders-1");
    let orders_settings =
        settings((orders::DECLARATION.sections)(), &[&course[..], &[("HTTP__BIND", "127.0.0.1:0")]].concat());
    let mut orders = launch("orders", orders::PROGRAM).settings(orders_settings).start();
    let course = environment("", "expiration-1");
    let mut expiration = launch("expiration", expiration::PROGRAM)
        .settings(settings((expiration::DECLARATION.sections)(), &course[2..]))
        .start();
    tickets.ready().await.unwrap();
    orders.ready().await.unwrap();
    expiration.ready().await.unwrap();

    let theirs = owner_of_tickets.collection("tickets").await;
    let (orders_of, copies) = (owner_of_orders.collection("orders").await, owner_of_orders.collection("tickets").await);
    let outsider = broker.outsider().await;
    let events = outsider.get_stream("ticketing").await.unwrap();
    let ways = permutations(6);
    println!("{} distinct histories", ways.len());
    stream::iter(&ways)
        .for_each_concurrent(16, async |way| {
            let history = History::new();
            history.begin(&theirs, &orders_of).await;
            let events = history.events();
            // Each one twice, the second time right away or after all others.
            let twice = way.iter().flat_map(|event| [event, event]).collect::<Vec<_>>();
            let again = way.iter().chain(way.iter().rev()).collect::<Vec<_>>();
            for event in if way[0] % 2 == 0 { twice } else { again } {
                let (subject, payload) = &events[*event];
                let mut headers = async_nats::HeaderMap::new();
                headers.insert(EVENT_ID, format!("{}-{event}", history.ticket));
                let stored = outsider.publish_with_headers(*subject, headers, payload.clone().into());
                stored.await.unwrap().await.unwrap();
            }
        })
        .await;

    // The second order is paid and has the ticket, the first one is over, and everybody knows.
    let count = u64::try_from(ways.len()).unwrap();
    let paid = doc! { "status": "complete", "version": 0_i64 };
    until_in(MUCH, "all paid", || async { orders_of.count_documents(paid.clone()).await.unwrap() == count }).await;
    let held = async || held_by_the_second(&theirs, &orders_of).await;
    until_in(MUCH, "all held", || async { held().await == ways.len() }).await;
    assert_eq!(orders_of.count_documents(doc! { "status": "cancelled", "version": 1_i64 }).await.unwrap(), count);
    until_in(MUCH, "all copies equal", || async {
        let (mut owned, mut copied) = (versions(&theirs).await, versions(&copies).await);
        owned.sort_unstable();
        copied.sort_unstable();
        owned == copied
    })
    .await;
    for consumer in [
        "tickets-service:order-created",
        "tickets-service:order-cancelled",
        "orders-service:ticket-created",
        "orders-service:ticket-updated",
        "orders-service:expiration-complete",
        "orders-service:payment-created",
        "expiration-service:order-created",
        "expiration-service:order-cancelled",
    ] {
        testkit::settled(&broker, consumer).await;
    }
    assert_eq!(held().await, ways.len(), "it stays so");
    let waiting = || async {
        let mut subjects = events.info_with_subjects("schedule.>").await.unwrap();
        let mut count = 0;
        while let Some(subject) = subjects.next().await {
            subject.unwrap();
            count += 1;
        }
        count
    };
    until_in(MUCH, "the end of each second order waits, and no other", || async { waiting().await == ways.len() })
        .await;
    let mut dead = outsider.get_stream("ticketing-dead-letters").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 0);
    for part in [tickets.stop().await, orders.stop().await, expiration.stop().await] {
        part.result.unwrap();
    }
    broker.stop().await;
}

/// How many tickets are held by an order that is paid, at the price that was published last, and remember no other.
async fn held_by_the_second(tickets: &Collection<Document>, orders: &Collection<Document>) -> usize {
    let paid: Vec<_> = orders.find(doc! { "status": "complete" }).await.unwrap().collect().await;
    let paid = paid.into_iter().map(Result::unwrap);
    let paid: Vec<_> = paid.map(|order| order.get_str("_id").unwrap().to_owned()).collect();
    let held = doc! { "orderId": { "$in": paid }, "cancelledEarly": null, "price": 25 };
    tickets.count_documents(held).await.unwrap().try_into().unwrap()
}

async fn versions(tickets: &Collection<Document>) -> Vec<(String, i64)> {
    let found: Vec<_> = tickets.find(doc! {}).await.unwrap().collect().await;
    let found = found.into_iter().map(Result::unwrap);
    found.map(|it| (it.get_str("_id").unwrap().to_owned(), it.get_i64("version").unwrap())).collect()
}
