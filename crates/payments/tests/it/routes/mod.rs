//! The endpoints, one in each file.

mod new;
mod show;
mod webhook;
