//! What is printed once everything is there: where it is, and how to sell and buy.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use operator::typed;

use crate::application::Addresses;

/// Where the operator's tool looks for the broker without an option.
const USUAL_NATS: &str = "nats://127.0.0.1:4222";

/// Where it looks for the databases.
const USUAL_MONGO: &str = "mongodb://127.0.0.1:27017/";

/// Everything somebody needs who has just started it.
#[derive(Debug)]
pub(crate) struct Guide {
    pub(crate) addresses: Addresses,
    pub(crate) folder: PathBuf,
    pub(crate) took: Duration,
    /// Makes the e-mail addresses new in each run.
    pub(crate) run: u32,
}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addresses, folder, took, run } = self;
        let Addresses { api, servers, bank, .. } = addresses;
        writeln!(f, "Ticketing is ready, {:.1} s after its start", took.as_secs_f64())?;
        writeln!(f, "  pages       http://{api}")?;
        writeln!(f, "  API         http://{api}/api/tickets")?;
        writeln!(f, "  NATS        {}", servers.nats)?;
        if let Some(monitoring) = &servers.monitoring {
            writeln!(f, "  monitoring  {monitoring}")?;
        }
        writeln!(f, "  MongoDB     {}", servers.mongo_shown)?;
        match bank {
            Some(bank) => writeln!(f, "  payments    at a test bank, http://{bank}, as STRIPE_KEY is not set")?,
            None => writeln!(f, "  payments    at the provider of STRIPE_KEY")?,
        }
        writeln!(f, "  data        {}", folder.display())?;
        writeln!(f)?;
        writeln!(f, "Open the pages in a browser to sell and buy; or paste these, one by one, into another terminal:")?;
        for line in lines(&format!("http://{api}"), *run) {
            writeln!(f, "  {line}")?;
        }
        writeln!(f)?;
        let nats = servers.nats.to_string(); // without a password
        let option = if nats == USUAL_NATS { String::new() } else { format!(" --nats-url {nats}") };
        let typed = typed();
        writeln!(f, "See the events meanwhile: {typed} bus tail{option}")?;
        if let Some(bank) = bank {
            let mongo = &servers.mongo_shown;
            let has_another = mongo.starts_with("mongodb://") && !mongo.starts_with(USUAL_MONGO);
            let option = if has_another { format!(" --mongo-uri '{mongo}'") } else { String::new() };
            let audit = format!("payments audit --stripe-url http://{bank}{option}");
            writeln!(f, "Compare the payments with the bank: {typed} {audit}")?;
        }
        writeln!(f)?;
        write!(f, "Ctrl-C stops it.")
    }
}

/// The commands of the course's scenario, for any shell. They keep the cookies of two people in `seller.jar` and `buyer.jar`,
/// and what was sold and ordered in `ticket.json` and `order.json`.
fn lines(api: &str, run: u32) -> Vec<String> {
    const POST: &str = "-H 'content-type: application/json' -d";
    let sign_up = |who: &str| {
        let body = format!(r#"{{"email":"{who}-{run}@example.com","password":"password"}}"#);
        format!("curl -s -c {who}.jar {POST} '{body}' '{api}/api/users/signup'; echo")
    };
    // The id stands at the end of the answer.
    let id = |file: &str| format!(r#"$(sed 's/.*"id":"//; s/".*//' {file})"#);
    let (ticket, order) = (id("ticket.json"), id("order.json"));
    let reserve = format!(
        r#"curl -s -b buyer.jar {POST} '{{"ticketId":"'{ticket}'"}}' '{api}/api/orders' | tee order.json; echo"#
    );
    vec![
        sign_up("seller"),
        format!(
            r#"curl -s -b seller.jar {POST} '{{"title":"concert","price":20}}' '{api}/api/tickets' | tee ticket.json; echo"#
        ),
        format!("curl -s '{api}/api/tickets'; echo"),
        sign_up("buyer"),
        reserve.clone(),
        format!("curl -s -b buyer.jar '{api}/api/orders/'{order}; echo"),
        format!(
            r#"curl -s -b seller.jar -X PUT {POST} '{{"title":"concert","price":25}}' '{api}/api/tickets/'{ticket}; echo"#
        ),
        format!("curl -s -b buyer.jar -X DELETE -w '%{{http_code}}\\n' '{api}/api/orders/'{order}"),
        reserve,
        format!(
            r#"curl -s -b buyer.jar {POST} '{{"token":"tok_visa","orderId":"'{order}'"}}' '{api}/api/payments'; echo"#
        ),
        format!("curl -s -b buyer.jar '{api}/api/orders'; echo"),
    ]
}
