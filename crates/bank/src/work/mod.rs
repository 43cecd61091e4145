//! What requests change, in the transaction of the request.

mod intents;
mod methods;
mod refunds;

use store::Tx;

use crate::answer::{Answer, Refused};
use crate::books::Books;
use crate::params::Params;

/// What a request changes.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    CreateMethod,
    CreateIntent,
    ConfirmIntent(String),
    CancelIntent(String),
    CreateRefund,
}

impl Work {
    /// Changes it, and answers.
    pub(crate) async fn perform(&self, books: &Books, tx: &mut Tx, params: &Params) -> Result<Answer, Refused> {
        match self {
            Self::CreateMethod => methods::new(books, tx, params).await,
            Self::CreateIntent => intents::new(books, tx, params).await,
            Self::ConfirmIntent(id) => intents::confirmed_by(books, tx, params, id).await,
            Self::CancelIntent(id) => intents::cancelled_by(books, tx, params, id).await,
            Self::CreateRefund => refunds::new(books, tx, params).await,
        }
    }
}
