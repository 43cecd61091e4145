//! What the service listens to.

mod listeners;
