//! The services under test, and how many instances of each a run starts.
//!
//! All that the suite knows about the services as programs is in this module. Their records and events are known to the
//! workload and the checker.

use std::net::SocketAddr;
use std::time::Duration;

use common::Declaration;

/// The services under test, and the test bank. Faults are injected into every instance of each. The web client is not among
/// them: it stores nothing and only calls the APIs, as the workload does.
pub fn services() -> Vec<Declaration> {
    let under_test = operator::DECLARATIONS.into_iter().filter(|service| service.name != CLIENT);
    under_test.chain([bank::DECLARATION]).collect()
}

/// The number of instances of a service that a run starts: two, but for sign-ups, which need no rival, and the bank, which
/// has none.
fn count(service: &Declaration) -> usize {
    if ["auth", BANK].contains(&service.name) { 1 } else { 2 }
}

/// The web client.
const CLIENT: &str = "client";

/// The test bank.
pub const BANK: &str = bank::DECLARATION.name;

/// The service that charges cards at the bank.
pub const PAYMENTS: &str = "payments";

/// The service that shows changes live.
pub const GATEWAY: &str = "gateway";

/// The services with an outbox: one instance of each is killed while the broker is away.
pub const PUBLISHERS: [&str; 2] = ["tickets", "orders"];

/// The services whose connections to the broker are delayed and then lost; one instance for each entry.
pub const DELAYED: [&str; 3] = ["tickets", "tickets", "orders"];

/// The cluster id of the deployment, and so the name of its stream.
pub const CLUSTER_ID: &str = "ticketing";

/// The key of the account at the bank.
const BANK_KEY: &str = "sk_test_bank";

/// How long an order reserves its ticket.
pub const ORDER_WINDOW: Duration = Duration::from_secs(2);

/// The service of each instance and its number, which starts at 1 for each service.
pub fn instances() -> Vec<(Declaration, usize)> {
    services().into_iter().flat_map(|service| (1..=count(&service)).map(move |number| (service, number))).collect()
}

/// The service whose prefix of this path is the longest.
pub fn serving(path: &str) -> Option<Declaration> {
    let longest = |service: &Declaration| {
        let prefixes = service.prefixes.iter().filter(|prefix| path.starts_with(**prefix));
        prefixes.map(|prefix| prefix.len()).max()
    };
    services().into_iter().filter(|service| longest(service).is_some()).max_by_key(longest)
}

/// The environment of an instance: it finds the bank at `bank`; the bank itself listens there.
pub(crate) fn environment(
    client_id: &str,
    nats_urls: &[String],
    mongo_uri: &str,
    bank: SocketAddr,
) -> Vec<(&'static str, String)> {
    vec![
        ("JWT_KEY", testkit::KEY.to_owned()),
        ("MONGO_URI", mongo_uri.to_owned()),
        ("NATS_URL", nats_urls.join(",")),
        ("NATS_CLUSTER_ID", CLUSTER_ID.to_owned()),
        ("NATS_CLIENT_ID", client_id.to_owned()),
        ("NATS_REPLICAS", if nats_urls.len() == 1 { "1" } else { "3" }.to_owned()),
        ("ORDER_WINDOW_SECONDS", ORDER_WINDOW.as_secs().to_string()),
        ("STRIPE_KEY", BANK_KEY.to_owned()),
        ("STRIPE_URL", format!("http://{bank}")),
        ("BANK__BIND", bank.to_string()),
        ("BANK__KEY", BANK_KEY.to_owned()),
        ("BANK__FAULTS", "true".to_owned()),
    ]
}
