//! The whole application of today on what an older version left behind.

use std::fs;
use std::process::{Command, Stdio};

use mongodb::bson::Document;
use serde_json::{Value, json};
use testkit::{Api, dump, until};

use crate::program::{Program, Version};
use crate::world::{World, cancel, id_of, is, is_held_by, order, reserve, sell, ticket};

/// The window of orders that are made in these tests, in seconds.
const WINDOW: u32 = 900;

/// Today's programs on the data of a commit.
struct Today {
    world: World,
    programs: [Program; 4],
    commit: &'static str,
}

impl Today {
    async fn on(commit: &'static str) -> Self {
        let world = World::restored(commit).await;
        // The client ids are those of programs that were killed, which the registry still has.
        let start = |name, client_id| Program::start(Version::Today, name, client_id, WINDOW, &world);
        let programs = [
            start("auth", "auth-1").await,
            start("tickets", "tickets-1").await,
            start("orders", "orders-1").await,
            start("expiration", "expiration-1").await,
        ];
        Self { world, programs, commit }
    }

    fn tickets(&self) -> Api {
        self.programs[1].api
    }

    fn orders(&self) -> Api {
        self.programs[2].api
    }

    /// The cookies of everybody who had signed up.
    async fn sign_in(&self) -> Vec<String> {
        let people = fs::read_to_string(dump::dump_of("auth", self.commit).join("people.json")).unwrap();
        let people: Vec<Value> = serde_json::from_str(&people).unwrap();
        let mut cookies = Vec::new();
        for person in people {
            let answer = self.programs[0].api.post("/api/users/signin", &person).await;
            assert_eq!(answer.status, 200, "{person}: {answer:?}");
            cookies.push(answer.cookie());
        }
        cookies
    }

    /// The documents of a collection as the dump has them.
    fn dumped(&self, service: &str, collection: &str) -> Vec<Document> {
        dump::documents(&dump::dump_of(service, self.commit).join(format!("{collection}.bson")))
    }

    /// The ticket of this title, as the dump has it.
    fn ticket(&self, title: &str) -> String {
        let tickets = self.dumped("tickets", "tickets");
        let it = tickets.iter().find(|ticket| ticket.get_str("title").unwrap() == title);
        it.unwrap().get_str("_id").unwrap().to_owned()
    }

    /// The order of this ticket that was not cancelled, and its buyer's cookie.
    async fn order_of(&self, ticket: &str) -> (String, String) {
        let orders = self.dumped("orders", "orders");
        let is_it = |order: &&Document| {
            order.get_str("ticketId").unwrap() == ticket && order.get_str("status").unwrap() != "cancelled"
        };
        let order = orders.iter().find(is_it).unwrap().get_str("_id").unwrap().to_owned();
        for cookie in self.sign_in().await {
            if self.orders().get(&format!("/api/orders/{order}"), &cookie).await.status == 200 {
                return (order, cookie);
            }
        }
        panic!("order {order} is shown to nobody")
    }

    /// Runs the operator's tool.
    async fn bus(&self, options: &[&str]) -> String {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_ticketing"));
        tool.arg("bus").args(options).args(["--nats-url", self.world.broker.url()]).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || tool.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{options:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn stop(self) {
        let [auth, tickets, orders, expiration] = self.programs;
        for program in [auth, tickets, orders, expiration] {
            program.stop().await;
        }
        self.world.broker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_version_had_not_published_is_published_once_and_reaches_every_copy() {
    for commit in dump::COMMITS {
        let today = Today::on(commit).await;
        let rows: usize = ["tickets", "orders"].iter().map(|service| today.dumped(service, "outbox").len()).sum();
        assert!(rows > 30, "{commit} has {rows} events only");
        today.world.settled(1).await;
        today.world.has_published_every_row_once().await;
        let cookies = today.sign_in().await;

        // Sold, changed, reserved, cancelled, and expired while the broker was away.
        let sold = today.ticket("sold while the broker was away");
        reserve(today.orders(), &cookies[2], &sold).await;
        let changed = today.ticket("changed while the broker was away");
        let order_of_changed = reserve(today.orders(), &cookies[2], &changed).await;
        let shown = order(today.orders(), &cookies[2], &order_of_changed).await;
        assert_eq!((&shown["ticket"]["price"], &shown["ticket"]["version"]), (&json!(33.33), &json!(2)), "{shown}");
        let reserved = today.ticket("reserved later");
        let (order_of_reserved, _) = today.order_of(&reserved).await;
        is_held_by(today.tickets(), &reserved, Some(&order_of_reserved)).await;
        is_held_by(today.tickets(), &today.ticket("cancelled later"), None).await;
        let expired = today.ticket("expired later");
        let (order_of_expired, buyer) = today.order_of(&expired).await;
        is(today.orders(), &buyer, &order_of_expired, "cancelled").await;
        is_held_by(today.tickets(), &expired, None).await;
        today.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_an_older_version_are_cancelled_and_paid_and_their_tickets_sold_again() {
    for commit in dump::COMMITS {
        let today = Today::on(commit).await;
        let cookies = today.sign_in().await;
        let stream = today.world.broker.outsider().await.get_stream(dump::EVENTS).await.unwrap();

        let concert = today.ticket("concert");
        let (old, buyer) = today.order_of(&concert).await;
        let schedule = format!("schedule.expiration-complete.{old}");
        assert!(stream.get_last_raw_message_by_subject(&schedule).await.is_ok(), "its window ends some day");
        cancel(today.orders(), &buyer, &old).await;
        is_held_by(today.tickets(), &concert, None).await;
        let withdrawn = || async { stream.get_last_raw_message_by_subject(&schedule).await.is_err() };
        until("the end of its window is withdrawn", withdrawn).await;
        let version = ticket(today.tickets(), &concert).await["version"].as_u64().unwrap();
        let shown = today.tickets().get(&format!("/api/tickets/{concert}"), "").await.json();
        assert_eq!((id_of(&shown), shown["price"].clone()), (concert.clone(), json!(20)));
        let new = reserve(today.orders(), &cookies[2], &concert).await;
        is_held_by(today.tickets(), &concert, Some(&new)).await;
        assert_eq!(ticket(today.tickets(), &concert).await["version"], version + 1);

        let failing = today.ticket("of the failure");
        let (old, buyer) = today.order_of(&failing).await;
        today.world.pay(&old).await;
        is(today.orders(), &buyer, &old, "complete").await;

        let sold = sell(today.tickets(), &cookies[0], "new among the old", json!(1.5)).await;
        let new = reserve(today.orders(), &cookies[1], &sold).await;
        is_held_by(today.tickets(), &sold, Some(&new)).await;
        today.world.settled(1).await;
        today.world.has_published_every_row_once().await;
        today.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_an_event_in_an_older_version_is_handled_when_that_event_comes() {
    for commit in dump::COMMITS {
        let today = Today::on(commit).await;
        let messages = dump::messages(&dump::dump_of(dump::BUS, commit), dump::EVENTS);
        let events = messages.iter().filter_map(|message| serde_json::from_slice::<Value>(&message.payload()).ok());
        let update = events.into_iter().find(|event| event["title"] == "heard of later").unwrap();
        let created = json!({
            "id": update["id"], "version": 0, "title": "not yet changed", "price": 40, "userId": update["userId"]
        });
        today.world.publish("ticket:created", &created).await;
        today.world.settled(0).await;
        let buyer = &today.sign_in().await[0];
        let new = reserve(today.orders(), buyer, &id_of(&update)).await;
        let shown = order(today.orders(), buyer, &new).await;
        assert_eq!((&shown["ticket"]["title"], &shown["ticket"]["price"]), (&update["title"], &update["price"]));
        today.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_an_older_version_are_listed_and_redriven() {
    for commit in dump::COMMITS {
        let today = Today::on(commit).await;
        let letters = dump::messages(&dump::dump_of(dump::BUS, commit), dump::DEAD_LETTERS);
        let listed = today.bus(&["dlq", "ls", "--json"]).await;
        let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(listed.len(), letters.len());
        for (letter, listed) in letters.iter().zip(&listed) {
            assert_eq!(listed["number"], letter.sequence);
            for (key, header) in [("group", "Dead-Letter-Group"), ("reason", "Dead-Letter-Reason")] {
                assert_eq!(listed[key].as_str(), letter.header(header), "{listed}");
            }
        }

        // The ticket is there again that its order did not find.
        let number = listed.iter().find(|letter| letter["reason"].as_str().unwrap().contains("there is no ticket"));
        let number = number.unwrap()["number"].to_string();
        let dead = today.ticket("of the dead letter");
        is_held_by(today.tickets(), &dead, None).await;
        let (old, _) = today.order_of(&dead).await;
        assert_eq!(today.bus(&["dlq", "redrive", &number]).await, "1 redriven\n");
        is_held_by(today.tickets(), &dead, Some(&old)).await;
        assert_eq!(today.world.dead_letters().await as usize, letters.len() - 1);
        today.stop().await;
    }
}
