//! One endpoint a file.

mod cookie;
mod current_user;
mod signin;
mod signout;
mod signup;

pub(crate) use current_user::current_user;
pub(crate) use signin::signin;
pub(crate) use signout::signout;
pub(crate) use signup::signup;

use common::UserId;
use serde::Serialize;

/// What is shown of a person who has signed up or in.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    email: String,
    id: UserId,
}
