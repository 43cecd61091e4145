//! What happens to payment methods.

use store::Tx;

use crate::answer::{Answer, Refused};
use crate::books::{Books, Method};
use crate::cards;
use crate::params::Params;

pub(super) async fn new(books: &Books, tx: &mut Tx, params: &Params) -> Result<Answer, Refused> {
    params.only(&["type", "card[token]", "metadata[]", "billing_details[]"])?;
    let kind = params.required("type")?;
    if kind != "card" {
        let message = format!("Invalid type: must be card; the test bank has no {kind}");
        return Err(Refused::parameter("type", "parameter_invalid", message));
    }
    let token = params.required("card[token]")?;
    let card = cards::of_token(token).ok_or_else(|| Refused::missing("card[token]", "token", token))?;
    let method = Method::new(card, params.map("metadata"));
    books.save(tx, &method).await?;
    Ok(Answer::ok(method.shown()))
}

/// The payment method with this id. The ones that every account has are made when they are used, as `pm_card_visa`.
pub(super) async fn of(books: &Books, tx: &mut Tx, id: &str) -> Result<Method, Refused> {
    if let Some(card) = cards::of_method(id) {
        let method = Method::new(card, Default::default());
        books.save(tx, &method).await?;
        return Ok(method);
    }
    let found = books.find(tx, id).await?;
    found.ok_or_else(|| Refused::missing("payment_method", "PaymentMethod", id))
}
