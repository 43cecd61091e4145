//! The settler: finds out what became of attempts that were left behind.

use service::{Error, Scope, Service};

use crate::charging::Charging;
use crate::due::each_due;
use crate::models::State;

/// Finds out what became of attempts whose answer was lost, or whose process was killed.
#[derive(Debug)]
pub(crate) struct Settler {
    pub(crate) charging: Charging,
}

impl Service for Settler {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let Self { charging } = self;
        let (payments, provider) = (charging.payments.clone(), charging.provider.clone());
        let turn = move |payment| {
            let charging = charging.clone();
            async move { charging.find_out(payment).await }
        };
        each_due(&scope.stopping(), &payments, State::Begun, provider.name(), turn).await;
        Ok(())
    }
}
