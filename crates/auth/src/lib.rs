//! Who is who: signing up, signing in, signing out.

mod app;
mod config;
mod models;
mod routes;
mod service;

pub use config::sections;
pub use service::Auth;
