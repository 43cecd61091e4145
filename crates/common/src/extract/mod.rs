//! What a handler receives, checked: a body of valid fields, an id in the path, the page of a list, the current user,
//! the client and how it came.

mod body;
mod client;
mod hs256;
mod page;
mod path;
mod session;

pub use body::{Fields, FromBody, Valid, read};
pub use client::Client;
pub use page::Page;
pub use path::PathId;
pub use session::{CurrentUser, SessionKey, session_cookies};
