//! One endpoint a file.

mod index;
mod new;
mod show;
mod update;
