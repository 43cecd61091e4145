//! The number gateway as a cluster of processes, over both transports.

mod cut_off;
mod leading;
mod relay;
mod serving;
mod settings;
mod site;
