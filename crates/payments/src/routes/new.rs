//! POST /api/payments

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use common::errors::{ApiError, Problem};
use common::events::{OrderId, PaymentId, UserId};
use common::extract::{CurrentUser, Fields, FromBody, Valid};
use serde::Serialize;
use serde_json::Value;

use crate::models::{CannotBegin, Order, Payment, State};
use crate::provider::Card;
use crate::state::AppState;

const CANCELLED: &str = "Cannot pay for an cancelled order";

pub(crate) struct NewPayment {
    card: Card,
    order_id: OrderId,
}

/// The answer, as in the course.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    id: PaymentId,
}

impl FromBody for NewPayment {
    fn from_body(fields: &mut Fields) -> Option<Self> {
        let card = fields.read("token", |value| match value.and_then(Value::as_str) {
            Some(token) if is_id(token, "tok_") => Ok(Card::Token(token.to_owned().into())),
            Some(method) if is_id(method, "pm_") => Ok(Card::Method(method.to_owned())),
            _ => Err("Invalid value"),
        });
        let order_id = fields.read("orderId", |value| {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            text.to_ascii_lowercase().parse().map_err(|_| "Invalid value")
        });
        Some(Self { card: card?, order_id: order_id? })
    }
}

/// Whether a text is an id of Stripe's with this beginning.
fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    (1..=250).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub(crate) async fn pay(
    Shared(AppState { store, orders, payments, charging, .. }): Shared<AppState>,
    user: CurrentUser,
    Valid(NewPayment { card, order_id }): Valid<NewPayment>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    let method = match &card {
        Card::Method(id) => Some(id.clone()),
        Card::Token(_) => None,
    };
    let begin = Begin { user: user.id, provider: charging.provider.name().to_owned(), method };
    // Of many requests at once, all but the first are refused here, and need no transaction that conflicts with its own.
    begin.attempt(orders.find(order_id).await?, payments.find(order_id).await?)?;
    let work = async move |tx: &mut _| {
        let order = orders.find_for_update(tx, order_id).await?;
        let earlier = payments.find_in(tx, order_id).await?;
        let payment = begin.attempt(order, earlier)?;
        payments.save_begun(tx, &payment).await?;
        Ok::<_, ApiError>(payment)
    };
    let begun = store.transaction(work).await?;
    answer(charging.attempt(begun, &card).await)
}

/// Who wants to begin an attempt, and with what.
struct Begin {
    user: UserId,
    provider: String,
    method: Option<String>,
}

impl Begin {
    fn attempt(&self, order: Option<Order>, earlier: Option<Payment>) -> Result<Payment, ApiError> {
        let order = order.ok_or(ApiError::NotFound)?;
        if order.buyer() != self.user {
            return Err(ApiError::NotAuthorized);
        }
        Payment::begin(earlier, &order, &self.provider, self.method.clone()).map_err(refused)
    }
}

fn refused(why: CannotBegin) -> ApiError {
    ApiError::BadRequest(match why {
        CannotBegin::OrderCancelled => CANCELLED,
        CannotBegin::AlreadyPaid => "Order is already paid",
        CannotBegin::Running => "Another payment of this order is being checked",
        CannotBegin::OtherProvider => "The payment of this order was begun with another payment provider",
    })
}

/// What the buyer is answered after an attempt.
fn answer(payment: Payment) -> Result<(StatusCode, Json<Created>), ApiError> {
    match payment.state() {
        State::Paid => Ok((StatusCode::CREATED, Json(Created { id: payment.id() }))),
        State::Declined => {
            let message = payment.message().unwrap_or("Your card was declined.").to_owned();
            Err(ApiError::Invalid(vec![Problem { message, field: Some("token") }]))
        }
        State::Begun => Err(ApiError::Unavailable("Your payment is being checked")),
        State::Closed | State::RefundDue | State::Refunded | State::Stuck => Err(ApiError::BadRequest(CANCELLED)),
    }
}
