//! A program whose one child behaves as its argument says, to observe how the process ends.
//!
//! Run with `cargo run -p service --example stubborn -- [patient|fail|panic|overrun|endless]`, then press Ctrl-C.

#![expect(clippy::print_stdout, reason = "a test and a reader watch it stop")]

use std::time::Duration;

use service::{Error, Exit, Scope, Service};

struct Program {
    behaviour: String,
}

impl Service for Program {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let limit = if self.behaviour == "overrun" { Duration::from_millis(100) } else { Duration::from_secs(20) };
        scope.child("child").stop_within(limit).start(Child { behaviour: self.behaviour }).await?;
        scope.ready(());
        println!("ready");
        scope.stopping().await;
        println!("stopping");
        Ok(())
    }
}

struct Child {
    behaviour: String,
}

impl Service for Child {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        match self.behaviour.as_str() {
            "fail" => anyhow::bail!("the disk is full"),
            "panic" => panic!("a bug"),
            "overrun" | "endless" => std::future::pending().await,
            _ => scope.stopping().await,
        }
        Ok(())
    }
}

fn main() -> Exit {
    let behaviour = std::env::args().nth(1).unwrap_or_default();
    service::run("program", Program { behaviour })
}
