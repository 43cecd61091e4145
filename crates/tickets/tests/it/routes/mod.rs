//! The endpoints, one in each file.

mod index;
mod new;
mod show;
mod update;
