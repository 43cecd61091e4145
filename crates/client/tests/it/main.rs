//! The client as a program of its own.

mod away;
mod settings;
