//! What this service publishes: recorded together with the change that it reports, and published by the relay.

use common::events::{PaymentCreated, PaymentRefunded};

/// All events of this service.
pub(crate) type Published = (PaymentCreated, PaymentRefunded);
