//! Authentication: users sign up, in and out.

mod app;
mod models;
mod routes;
mod service;
mod settings;
mod state;

pub use service::{DECLARATION, PROGRAM};
