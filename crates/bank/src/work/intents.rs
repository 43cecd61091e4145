//! What happens to payment intents.

use serde_json::{Value, json};
use store::Tx;

use super::methods;
use crate::answer::{Answer, Refused};
use crate::books::{Books, Charge, Entry, Event, Intent, LastError, Method};
use crate::cards::{Behaviour, Decline};
use crate::params::Params;

/// The least and the most that can be charged, in cents.
const MIN_AMOUNT: i64 = 50;
const MAX_AMOUNT: i64 = 99_999_999;

/// Instead of a customer who confirms the payment.
const UNAUTHENTICATED: Decline = Decline {
    code: "authentication_required",
    decline_code: Some("authentication_required"),
    message: "Your card was declined. This transaction requires authentication.",
};

pub(super) async fn confirmed_by(books: &Books, tx: &mut Tx, params: &Params, id: &str) -> Result<Answer, Refused> {
    params.only(&["payment_method", "error_on_requires_action", "return_url"])?;
    let intent = of(books, tx, id).await?;
    confirmed(books, tx, intent, params).await
}

pub(super) async fn cancelled_by(books: &Books, tx: &mut Tx, params: &Params, id: &str) -> Result<Answer, Refused> {
    params.only(&["cancellation_reason"])?;
    let mut intent = of(books, tx, id).await?;
    intent.cancel(params.get("cancellation_reason"))?;
    saved(books, tx, &intent, "payment_intent.canceled").await?;
    Ok(Answer::ok(intent.shown()))
}

async fn of(books: &Books, tx: &mut Tx, id: &str) -> Result<Intent, Refused> {
    books.find(tx, id).await?.ok_or_else(|| Refused::missing("intent", Intent::NAME, id))
}

pub(super) async fn new(books: &Books, tx: &mut Tx, params: &Params) -> Result<Answer, Refused> {
    params.only(&[
        "amount",
        "currency",
        "payment_method_types[]",
        "payment_method",
        "description",
        "metadata[]",
        "confirm",
        "error_on_requires_action",
    ])?;
    params.required("amount")?;
    let amount = params.integer("amount")?.unwrap_or_default();
    let currency = params.required("currency")?.to_ascii_lowercase();
    if currency != "usd" {
        let message = format!("Invalid currency: {currency}. The test bank has usd only.");
        return Err(Refused::parameter("currency", "parameter_invalid", message));
    }
    if amount < MIN_AMOUNT {
        return Err(Refused::parameter("amount", "amount_too_small", "Amount must be at least $0.50 usd"));
    }
    if amount > MAX_AMOUNT {
        let message = "Amount must be no more than $999,999.99";
        return Err(Refused::parameter("amount", "amount_too_large", message));
    }
    if let Some(other) = params.list("payment_method_types").into_iter().find(|kind| *kind != "card") {
        let message = format!("The payment method type \"{other}\" is invalid. The test bank has card only.");
        return Err(Refused::parameter("payment_method_types", "parameter_invalid", message));
    }
    let method = match params.get("payment_method") {
        Some(id) => Some(methods::of(books, tx, id).await?),
        None => None,
    };
    let intent = Intent::new(amount, &currency, method.as_ref(), params.get("description"), params.map("metadata"));
    saved(books, tx, &intent, "payment_intent.created").await?;
    if params.boolean("confirm")? { confirmed(books, tx, intent, params).await } else { Ok(Answer::ok(intent.shown())) }
}

/// Confirms an intent with the payment method of the request or its own: the card is charged.
async fn confirmed(books: &Books, tx: &mut Tx, intent: Intent, params: &Params) -> Result<Answer, Refused> {
    intent.confirmable()?;
    let Some(id) = intent.payment_method.as_deref().or(params.get("payment_method")) else {
        return Err(intent.unexpected(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the \
             PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment \
             method or ConfirmationToken."
                .to_owned(),
        ));
    };
    let method = methods::of(books, tx, params.get("payment_method").unwrap_or(id)).await?;
    if method.behaviour == Behaviour::NeedsAction {
        return needs_action(books, tx, intent, &method, params.boolean("error_on_requires_action")?).await;
    }
    let decline = method.behaviour.decline();
    let charge = Charge::new(&intent.id, intent.amount, &method, decline);
    books.save(tx, &charge).await?;
    match decline {
        None => paid(books, tx, intent, &method, &charge).await,
        Some(decline) => declined(books, tx, intent, LastError::new(decline, Some(&charge), &method)).await,
    }
}

async fn paid(
    books: &Books,
    tx: &mut Tx,
    mut intent: Intent,
    method: &Method,
    charge: &Charge,
) -> Result<Answer, Refused> {
    intent.succeeded(charge, method);
    books.save(tx, &Event::new("charge.succeeded", &charge.shown())).await?;
    saved(books, tx, &intent, "payment_intent.succeeded").await?;
    Ok(Answer::ok(intent.shown()))
}

async fn needs_action(
    books: &Books,
    tx: &mut Tx,
    mut intent: Intent,
    method: &Method,
    is_error: bool,
) -> Result<Answer, Refused> {
    if is_error {
        return declined(books, tx, intent, LastError::new(UNAUTHENTICATED, None, method)).await;
    }
    intent.needs_action(method);
    saved(books, tx, &intent, "payment_intent.requires_action").await?;
    Ok(Answer::ok(intent.shown()))
}

/// 402, which is an outcome and no refusal: the intent remembers it.
async fn declined(books: &Books, tx: &mut Tx, mut intent: Intent, error: LastError) -> Result<Answer, Refused> {
    let Value::Object(mut shown) = error.shown() else { return Err(Refused::because("no error")) };
    intent.declined(error);
    saved(books, tx, &intent, "payment_intent.payment_failed").await?;
    shown.insert("payment_intent".to_owned(), intent.shown());
    let code = shown.get("code").and_then(Value::as_str).unwrap_or_default();
    shown
        .insert("doc_url".to_owned(), format!("https://docs.stripe.com/error-codes/{}", code.replace('_', "-")).into());
    Ok(Answer { status: 402, body: json!({ "error": shown }) })
}

async fn saved(books: &Books, tx: &mut Tx, intent: &Intent, kind: &str) -> Result<(), Refused> {
    books.save(tx, intent).await?;
    books.save(tx, &Event::new(kind, &intent.shown())).await?;
    Ok(())
}
