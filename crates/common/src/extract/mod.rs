//! What a handler gets is checked: a body of valid fields, the one who is signed in.

mod body;
mod session;

pub use body::{Fields, FromBody, Valid};
pub use session::{CurrentUser, SessionKey};
