//! Who tells whom, as a graph for Mermaid.

use crate::topology::Wiring;
use events::Subject;

use crate::topology::{NOBODY, listeners, or_nobody, publishers};

/// An arrow for each event, from each who publishes it to each who listens.
pub(crate) fn graph(services: &[Wiring]) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    for subject in Subject::ALL {
        for from in or_nobody(publishers(services, subject)) {
            let listening = listeners(services, subject).map(|(service, _)| service);
            for to in or_nobody(listening) {
                let arrow = if [from, to].contains(&NOBODY) { "-.->" } else { "-->" };
                lines.push(format!("    {from} {arrow}|{subject}| {to}"));
            }
        }
    }
    lines.join("\n")
}
