//! The application as a whole.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod architecture;
mod audit;
mod collectors;
mod composed;
mod course;
mod describe;
mod exercise;
mod faults;
mod histories;
mod ingress;
mod items;
mod links;
mod live;
mod pages;
mod paid;
mod payments;
mod process;
mod program;
mod ready;
mod refused;
mod restarted;
mod rolling;
mod rush;
mod secrets;
mod style;
mod traces;
mod tutorial;
mod waiting;
