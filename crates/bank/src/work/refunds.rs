//! What happens to refunds.

use mongodb::bson::doc;
use store::Tx;

use crate::answer::{Answer, Refused};
use crate::books::{Books, Charge, Entry, Event, Intent, Refund};
use crate::params::Params;

pub(super) async fn new(books: &Books, tx: &mut Tx, params: &Params) -> Result<Answer, Refused> {
    params.only(&["payment_intent", "charge", "amount", "reason", "metadata[]"])?;
    let mut charge = charge_of(books, tx, params).await?;
    let rest = charge.amount - charge.amount_refunded;
    if rest == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(Refused::coded("charge_already_refunded", message));
    }
    let amount = params.integer("amount")?.unwrap_or(rest);
    if amount <= 0 {
        return Err(Refused::parameter("amount", "parameter_invalid_integer", "Invalid positive integer"));
    }
    if amount > rest {
        let dollars = |cents: i64| format!("${}.{:02}", cents / 100, cents % 100);
        let (amount, rest) = (dollars(amount), dollars(rest));
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})");
        return Err(Refused::parameter("amount", "amount_too_large", message));
    }
    charge.amount_refunded += amount;
    let refund = Refund::new(&charge, amount, params.get("reason"), params.map("metadata"));
    books.save(tx, &charge).await?;
    books.save(tx, &refund).await?;
    books.save(tx, &Event::new("charge.refunded", &charge.shown())).await?;
    books.save(tx, &Event::new("refund.created", &refund.shown())).await?;
    Ok(Answer::ok(refund.shown()))
}

/// The charge that the parameters name: itself, or as the one of its intent that has succeeded.
async fn charge_of(books: &Books, tx: &mut Tx, params: &Params) -> Result<Charge, Refused> {
    if let Some(id) = params.get("charge") {
        let charge = books.find::<Charge>(tx, id).await?.filter(|charge| charge.is_paid);
        return charge.ok_or_else(|| Refused::missing("charge", Charge::NAME, id));
    }
    let id = params.get("payment_intent").ok_or_else(|| {
        let message = "One of the following params should be provided for this request: payment_intent or charge.";
        Refused::coded("parameter_missing", message)
    })?;
    if books.find::<Intent>(tx, id).await?.is_none() {
        return Err(Refused::missing("payment_intent", Intent::NAME, id));
    }
    let paid = doc! { "paymentIntent": id, "isPaid": true };
    let charge = books.of::<Charge>().find_one(paid).session(tx).await?;
    charge.ok_or_else(|| {
        Refused::because(format!("This PaymentIntent ({id}) does not have a successful charge to refund."))
    })
}
