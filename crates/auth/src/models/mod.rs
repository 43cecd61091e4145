//! What this service owns.

mod password;
mod user;

pub(crate) use password::{Password, Passwords};
pub(crate) use user::{Email, User, Users};
