//! What a handler gets is checked: a body of valid fields, an id in the path, a page of a list, the one who is signed in.

mod body;
mod page;
mod path;
mod session;

pub use body::{Fields, FromBody, Valid, read};
pub use page::Page;
pub use path::PathId;
pub use session::{CurrentUser, SessionKey};
