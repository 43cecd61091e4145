//! Publishers and listeners as a graph for Mermaid.

use common::Declaration;
use events::Subject;

use crate::services::{NOBODY, listeners, or_nobody, publishers};

/// One edge for each event from every publisher to every listener.
pub(crate) fn graph(services: &[Declaration]) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    for subject in Subject::ALL {
        for from in or_nobody(publishers(services, subject)) {
            let listening = listeners(services, subject).map(|listening| listening.service).collect();
            for to in or_nobody(listening) {
                let edge = if [from, to].contains(&NOBODY) { "-.->" } else { "-->" };
                lines.push(format!("    {from} {edge}|{subject}| {to}"));
            }
        }
    }
    lines.join("\n")
}
