//! The endpoints, one in each file.

mod new;
mod show;
mod webhook;

pub(crate) use new::pay;
pub(crate) use show::show_payment;
pub(crate) use webhook::receive_webhook;
