//! The web client: the pages of the course, at the course's paths.
//!
//! The pages are made here, and work without script: every change is a form, answered with a redirect to the page that
//! shows it. A script makes them live. The client knows the services by their HTTP APIs only, and calls them with the session
//! of whoever asks for a page; it stores nothing.

mod api;
mod app;
mod assets;
mod pages;
mod refusals;
mod security;
mod service;
mod settings;
mod state;

pub use service::{DECLARATION, PROGRAM};
