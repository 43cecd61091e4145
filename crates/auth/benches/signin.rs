//! How long a refused sign in takes: for an unknown e-mail address, beside a wrong password.
//!
//! `cargo bench -p auth` prints both and their ratio, which should tell nobody whether there is such a person.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "a bench is run for its numbers")]

#[path = "../tests/it/app.rs"]
mod app;

use std::time::{Duration, Instant};

use serde_json::json;

use app::App;

const ROUNDS: usize = 50;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::main]
async fn main() {
    let app = App::start().await;
    assert_eq!(app.sign_up("somebody@test.com").await.status, 201);
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS * 2 {
        let (email, times) =
            if round % 2 == 0 { ("nobody@test.com", &mut unknown) } else { ("somebody@test.com", &mut wrong) };
        let began = Instant::now();
        let answer = app.post("/api/users/signin", &json!({ "email": email, "password": "not the password" })).await;
        times.push(began.elapsed());
        assert_eq!(answer.status, 400);
    }
    let (unknown, wrong) = (median(unknown), median(wrong));
    println!("a refused sign in, median of {ROUNDS}");
    println!("  unknown e-mail  {unknown:?}");
    println!("  wrong password  {wrong:?}");
    println!("  ratio           {:.2}", unknown.as_secs_f64() / wrong.as_secs_f64());
    app.stop().await;
}
