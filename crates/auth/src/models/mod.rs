//! What the service knows.

mod password;
mod user;

pub(crate) use password::{Password, Passwords};
pub(crate) use user::{Email, User, Users};
