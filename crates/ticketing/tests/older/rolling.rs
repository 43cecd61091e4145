//! A rolling update: programs of an older commit and of today at the same time, on the same data.

use mongodb::bson::doc;
use serde_json::{Value, json};
use testkit::{Api, until};

use crate::build::programs_of;
use crate::program::{Program, Version};
use crate::world::{World, cancel, change, id_of, is, is_held_by, order, reserve, sell, sign_up, ticket};

/// The commit that is replaced.
const OLDER: &str = "00b39de";

/// The programs of one version.
struct Release {
    auth: Program,
    tickets: Program,
    orders: Program,
    expiration: Program,
}

impl Release {
    /// Starts them under client ids of their own; orders last `window` seconds.
    async fn start(version: Version<'_>, name: &str, window: u32, world: &World) -> Self {
        let start =
            async |service: &str| Program::start(version, service, &format!("{service}-{name}"), window, world).await;
        Self {
            auth: start("auth").await,
            tickets: start("tickets").await,
            orders: start("orders").await,
            expiration: start("expiration").await,
        }
    }

    async fn stop(self) {
        for program in [self.auth, self.tickets, self.orders, self.expiration] {
            program.stop().await;
        }
    }
}

/// Where one half of a round is done, and where the other.
#[derive(Clone, Copy)]
struct Sides {
    tickets: [Api; 2],
    orders: [Api; 2],
}

/// What is there after a round.
struct Traded {
    tickets: Vec<String>,
    orders: Vec<String>,
}

/// Sells, changes, reserves, cancels and pays; each step at the other side than the one before.
async fn trade(
    Sides { tickets: [here, there], orders: [first, second] }: Sides,
    world: &World,
    [seller, buyer]: [&str; 2],
    price: Value,
) -> Traded {
    let concert = sell(here, seller, "concert", price.clone()).await;
    assert_eq!(change(there, seller, &concert, "concert, moved", json!(21.21)).await["version"], 1);
    assert_eq!(change(here, seller, &concert, "concert, moved back", price.clone()).await["version"], 2);
    let shown = ticket(there, &concert).await;
    assert_eq!((&shown["title"], &shown["price"]), (&json!("concert, moved back"), &price));
    // From here on orders are made at what the ticket will always be.
    let copies = world.database_of("orders").unwrap().collection("tickets").await;
    let last = doc! { "_id": &concert, "title": "concert, moved back" };
    until("the copy of the last change", || async { copies.count_documents(last.clone()).await.unwrap() == 1 }).await;

    let given_up = reserve(first, buyer, &concert).await;
    is_held_by(there, &concert, Some(&given_up)).await;
    let refused = change_refused(here, seller, &concert).await;
    assert_eq!(refused, 400, "it is reserved");
    cancel(second, buyer, &given_up).await;
    is(first, buyer, &given_up, "cancelled").await;
    is_held_by(here, &concert, None).await;

    let paid = reserve(second, buyer, &concert).await;
    is_held_by(here, &concert, Some(&paid)).await;
    for api in [first, second] {
        let shown = order(api, buyer, &paid).await;
        assert_eq!((&shown["ticket"]["title"], &shown["ticket"]["price"]), (&json!("concert, moved back"), &price));
    }
    world.pay(&paid).await;
    is(first, buyer, &paid, "complete").await;
    is(second, buyer, &paid, "complete").await;

    // It stays open: whoever is there later cancels it.
    let open = sell(there, seller, "open", json!(9)).await;
    let held = reserve(first, buyer, &open).await;
    is_held_by(here, &open, Some(&held)).await;
    Traded { tickets: vec![concert, open], orders: vec![given_up, paid, held] }
}

async fn change_refused(tickets: Api, seller: &str, id: &str) -> u16 {
    let body = json!({ "title": "too late", "price": 1 });
    tickets.send("PUT", &format!("/api/tickets/{id}"), seller, &body).await.status
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the programs of an older commit, which takes a minute: .ci/run runs it"]
async fn older_and_newer_programs_share_one_database_and_broker_and_nothing_is_lost() {
    let programs = programs_of(OLDER);
    let world = World::new().await;
    let older = Release::start(Version::Older(&programs), "older", 900, &world).await;
    let before = sign_up(older.auth.api, "before@test.com", "password").await;
    let sold_before = sell(older.tickets.api, &before, "sold before", json!(12.34)).await;
    let order_before = reserve(older.orders.api, &before, &sold_before).await;

    let newer = Release::start(Version::Today, "newer", 900, &world).await;
    let during = sign_up(newer.auth.api, "during@test.com", "password").await;
    let credentials = json!({ "email": "during@test.com", "password": "password" });
    assert_eq!(older.auth.api.post("/api/users/signin", &credentials).await.status, 200);
    let (old, new) = ((older.tickets.api, older.orders.api), (newer.tickets.api, newer.orders.api));
    let mut all = Traded { tickets: vec![sold_before.clone()], orders: Vec::new() };
    for price in [json!(20), json!(19.99), json!(0.01), json!(999_999.99)] {
        let sides = [
            Sides { tickets: [old.0, new.0], orders: [old.1, new.1] },
            Sides { tickets: [new.0, old.0], orders: [new.1, old.1] },
            Sides { tickets: [old.0, new.0], orders: [new.1, old.1] },
            Sides { tickets: [new.0, old.0], orders: [old.1, new.1] },
        ];
        let people = [before.as_str(), during.as_str()];
        let rounds = sides.map(|sides| trade(sides, &world, people, price.clone()));
        for traded in futures_util::future::join_all(rounds).await {
            all.tickets.extend(traded.tickets);
            all.orders.extend(traded.orders);
        }
    }
    // An order that expires, at either side.
    for (version, name) in [(Version::Older(&programs), "hasty-older"), (Version::Today, "hasty-newer")] {
        let hasty = Program::start(version, "orders", name, 1, &world).await;
        let late = sell(old.0, &before, "too late", json!(5)).await;
        let expired = reserve(hasty.api, &during, &late).await;
        for orders in [old.1, new.1] {
            is(orders, &during, &expired, "cancelled").await;
        }
        is_held_by(new.0, &late, None).await;
        all.tickets.push(late);
        all.orders.push(expired);
        hasty.stop().await;
    }

    world.settled(0).await;
    world.has_published_every_row_once().await;
    assert_eq!(world.dead_letters().await, 0);
    for id in &all.tickets {
        assert_eq!(ticket(old.0, id).await, ticket(new.0, id).await);
    }
    for id in &all.orders {
        let shown = [order(old.1, &during, id).await, order(new.1, &during, id).await];
        // The older one shows the ticket as it is now, which differs from when the order was made in its version only.
        let [old, new] = shown.map(|mut shown| {
            shown["ticket"]["version"].take();
            shown
        });
        assert_eq!(old, new);
    }

    older.stop().await;
    let both = Sides { tickets: [new.0; 2], orders: [new.1; 2] };
    trade(both, &world, [&before, &during], json!(7.5)).await;
    cancel(new.1, &before, &order_before).await;
    is_held_by(new.0, &sold_before, None).await;
    change(new.0, &before, &sold_before, "sold before, changed after", json!(43.21)).await;
    for id in &all.orders {
        let shown = order(new.1, &during, id).await;
        if shown["status"] == "created" {
            cancel(new.1, &during, id).await;
            is_held_by(new.0, &id_of(&shown["ticket"]), None).await;
        }
    }
    world.settled(0).await;
    world.has_published_every_row_once().await;
    assert_eq!(world.dead_letters().await, 0);
    newer.stop().await;
    world.broker.stop().await;
}
