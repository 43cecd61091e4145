//! The events that the service listens to.

mod listeners;
