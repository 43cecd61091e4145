//! Toy services that write down what happens to them.

use std::sync::{Arc, Mutex};

use service::{Error, Scope, Service};

/// What happened, in order. Shared: every service of a test writes into the one record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A service made of a closure, so that a test reads in one piece.
pub(crate) struct Component<F>(pub(crate) F);

impl<F, R> Service for Component<F>
where
    F: FnOnce(Scope<()>) -> R + Send + 'static,
    R: Future<Output = Result<(), Error>> + Send,
{
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        (self.0)(scope).await
    }
}

/// Becomes ready, waits for the stop, and notes both.
pub(crate) struct Orderly {
    pub(crate) name: &'static str,
    pub(crate) record: Record,
}

impl Service for Orderly {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        self.record.note(format!("{} starts", self.name));
        scope.ready(());
        scope.stopping().await;
        self.record.note(format!("{} stops", self.name));
        Ok(())
    }
}
