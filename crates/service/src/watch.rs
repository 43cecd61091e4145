//! Watching whether something that a service needs is there.

use std::fmt;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::scope::Scope;

impl<H> Scope<H> {
    /// Checks something that this service needs, now and after every pause of `every`, until the service is asked to
    /// stop; shows the service as waiting for `what` while the check fails or takes longer than `within`.
    ///
    /// A check that takes too long is dropped. Use at most one watch per service: a check that succeeds shows that
    /// nothing is away. A watch that is dropped and called again checks immediately.
    pub async fn watch<R, E>(&self, what: &'static str, every: Duration, within: Duration, mut check: impl FnMut() -> R)
    where
        R: Future<Output = Result<(), E>>,
        E: fmt::Display,
    {
        let watching = async {
            loop {
                match timeout(within, check()).await {
                    Ok(Ok(())) => self.goes_on(),
                    Ok(Err(why)) => self.waits_for(what, why),
                    Err(_) => self.waits_for(what, format_args!("no answer within {within:?}")),
                }
                sleep(every).await;
            }
        };
        self.stopping().or(watching).await;
    }
}
