//! What browsers must not do with our pages.

use axum::extract::Request;
use axum::http::Method;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;

/// Everything comes from this origin, and nothing is inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The same, with Stripe's form (<https://docs.stripe.com/security/guide#content-security-policy>).
pub(crate) const POLICY_WITH_STRIPE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' https://js.stripe.com https://*.js.stripe.com; style-src 'self'; \
     img-src 'self' https://*.stripe.com; connect-src 'self' https://api.stripe.com; \
     frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Adds the headers that the answer does not have yet.
pub(crate) async fn secured(request: Request, next: Next) -> Response {
    // A page shows what its reader may see, as it is now: also to whoever goes back after a sign out or a purchase. To go
    // back to the answer of a form, a browser that has not stored it would offer to send the form again.
    let storing = if request.method() == Method::POST { "private, no-cache" } else { "no-store" };
    let mut answer = next.run(request).await;
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (CACHE_CONTROL, HeaderValue::from_static(storing)),
    ];
    for (name, value) in headers {
        answer.headers_mut().entry(name).or_insert(value);
    }
    answer
}
