//! The endpoints, one in each file.

mod delete;
mod index;
mod new;
mod show;
