//! The endpoints, one in each file.

mod cookie;
mod current_user;
mod signin;
mod signout;
mod signup;

pub(crate) use current_user::current_user;
pub(crate) use signin::signin;
pub(crate) use signout::signout;
pub(crate) use signup::signup;

use common::events::UserId;
use serde::Serialize;

/// A user who has signed up or in, as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    email: String,
    id: UserId,
}
