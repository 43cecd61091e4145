//! One endpoint a file.

mod delete;
mod index;
mod new;
mod show;
