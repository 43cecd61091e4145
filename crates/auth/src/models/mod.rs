//! The records that this service owns, one aggregate in each file.

mod password;
mod user;

pub(crate) use password::{Password, Passwords};
pub(crate) use user::{Email, User, Users};
