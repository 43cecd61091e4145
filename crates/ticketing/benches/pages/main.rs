//! How fast the pages come: `cargo bench -p ticketing --bench pages` prints each page beside the APIs that it calls.
//!
//! The application is this build's, on servers and data of its own, with 48 tickets on the first page. A page and its APIs are
//! asked for in turn, one request at a time over one connection, as one visitor of an idle machine does.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "a bench is run for its numbers")]

mod visitor;

use std::process::Command;
use std::time::Duration;

use testkit::{Process, programs};
use visitor::Visitor;

/// How often each page is asked for.
const VISITS: usize = 300;

/// As many tickets as a page lists.
const TICKETS: usize = 48;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(programs().join("ticketing"));
    command.args(["--free-ports", "--data-dir"]).arg(folder.path());
    let mut application = Process::start(command);
    let guide = application.lines_until("Ctrl-C stops it.");
    let origin = guide.lines().find_map(|line| line.trim_start().strip_prefix("pages")).unwrap().trim();
    let mut visitor = Visitor::of(origin);
    visitor.post("/auth/signup", "email=visitor%40example.com&password=a+good+password").await;
    let mut ticket = String::new();
    for number in 0..=TICKETS {
        ticket = visitor.post("/tickets/new", &format!("title=Concert+number+{number}&price=20")).await;
    }
    let order = visitor.post(&format!("{ticket}/purchase"), "").await;

    let (user, position) = ("/api/users/currentuser", "/api/live/position");
    let (one_ticket, one_order) = (format!("/api{ticket}"), format!("/api{order}"));
    let payment = order.replace("/orders/", "/api/payments/");
    let pages = [
        ("/", vec![position, user, "/api/tickets?limit=48"]),
        (&*ticket, vec![position, user, &one_ticket]),
        ("/tickets/mine", vec![position, user, "/api/tickets?mine=true&limit=48"]),
        ("/orders", vec![position, user, "/api/orders"]),
        (&*order, vec![position, user, &one_order, &payment]),
        ("/auth/signin", vec![user]),
    ];
    println!("page              kB all   p50 ms   p99 ms   its APIs, p50 ms   ratio");
    for (page, apis) in pages {
        let (mut of_page, mut of_apis) = (Vec::new(), Vec::new());
        for _ in 0..VISITS {
            of_page.push(visitor.get(page).await.1);
            let mut all = Duration::ZERO;
            for api in &apis {
                all += visitor.get(api).await.1;
            }
            of_apis.push(all);
        }
        let (page_p50, page_p99, apis_p50) = (at(&mut of_page, 0.5), at(&mut of_page, 0.99), at(&mut of_apis, 0.5));
        let kilobytes = visitor.weight(page).await as f64 / 1000.0;
        let name = page.trim_end_matches(|letter: char| letter.is_ascii_hexdigit() && page.len() > 24);
        println!(
            "{name:<16} {kilobytes:>7.1}  {page_p50:>7.2}  {page_p99:>7.2}  {apis_p50:>17.2}  {:>6.2}",
            page_p50 / apis_p50
        );
    }
    println!();
    println!("kB all: the page and every file that it refers to, as a first visit loads them. Ratio: of the medians.");
    application.interrupt();
}

/// The time below which this part of all is, in milliseconds.
fn at(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1000.0
}
