//! The services under test: their programs, how many instances a run starts, and which API paths each of them serves.
//!
//! All that the suite knows about the services as programs is in this module. Their records and events are known to the
//! workload and the checker.

use std::time::Duration;

/// A service under test.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Name of the binary, of the service's database, and of its settings section.
    pub name: &'static str,
    /// The API paths that the service serves.
    pub prefixes: &'static [&'static str],
    /// The number of instances that a run starts.
    pub instances: usize,
}

/// All services under test. Faults are injected into every instance of each.
pub const PROGRAMS: [Program; 4] = [
    Program { name: "auth", prefixes: &["/api/users"], instances: 1 },
    Program { name: "tickets", prefixes: &["/api/tickets"], instances: 2 },
    Program { name: "orders", prefixes: &["/api/orders"], instances: 2 },
    Program { name: "expiration", prefixes: &[], instances: 2 },
];

/// The services with an outbox: one instance of each is killed while the broker is away.
pub const PUBLISHERS: [&str; 2] = ["tickets", "orders"];

/// The services whose connections to the broker are delayed and then lost; one instance for each entry.
pub const DELAYED: [&str; 3] = ["tickets", "tickets", "orders"];

/// The cluster id of the deployment, and so the name of its stream.
pub const CLUSTER_ID: &str = "ticketing";

/// How long an order reserves its ticket.
pub const ORDER_WINDOW: Duration = Duration::from_secs(2);

/// The service of each instance and its number, which starts at 1 for each service.
pub fn instances() -> Vec<(&'static Program, usize)> {
    PROGRAMS.iter().flat_map(|program| (1..=program.instances).map(move |number| (program, number))).collect()
}

/// The service whose prefix of this path is the longest.
pub fn serving(path: &str) -> Option<&'static Program> {
    let longest = |program: &&Program| {
        let prefixes = program.prefixes.iter().filter(|prefix| path.starts_with(**prefix));
        prefixes.map(|prefix| prefix.len()).max()
    };
    PROGRAMS.iter().filter(|program| longest(program).is_some()).max_by_key(longest)
}

/// The environment of an instance.
pub(crate) fn environment(client_id: &str, nats_urls: &[String], mongo_uri: &str) -> Vec<(&'static str, String)> {
    vec![
        ("JWT_KEY", testkit::KEY.to_owned()),
        ("MONGO_URI", mongo_uri.to_owned()),
        ("NATS_URL", nats_urls.join(",")),
        ("NATS_CLUSTER_ID", CLUSTER_ID.to_owned()),
        ("NATS_CLIENT_ID", client_id.to_owned()),
        ("NATS_REPLICAS", if nats_urls.len() == 1 { "1" } else { "3" }.to_owned()),
        ("ORDER_WINDOW_SECONDS", ORDER_WINDOW.as_secs().to_string()),
    ]
}
