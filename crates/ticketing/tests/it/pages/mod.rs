//! The pages of the whole application, as a browser without script asks for them.

mod forms;
mod headers;
mod paying;
mod reader;
mod weight;
