//! The page for people.

use std::fmt::Write;

use super::snapshot::Snapshot;

/// Channels with their subscriptions, and clients. The page reloads every two seconds.
pub(super) fn overview(snapshot: &Snapshot) -> String {
    let mut rows = String::new();
    for channel in &snapshot.channels {
        let (name, messages, bytes, last) = (&channel.name, channel.messages, channel.bytes, channel.last);
        let (name, subscriptions) = (escaped(name), channel.subscriptions.len());
        writeln!(
            rows,
            "<tr class=channel><th>{name}<td>{messages} messages, {bytes} bytes<td>last #{last}<td>{subscriptions} subscriptions"
        )
        .ok();
        for sub in &channel.subscriptions {
            let group = escaped(sub.queue_group.as_deref().unwrap_or("alone"));
            let durable = sub.durable.as_deref().map(|durable| format!(", durable {}", escaped(durable)));
            let durable = durable.unwrap_or_default();
            let state = if sub.is_offline { "offline" } else { "live" };
            let (client, last, pending) = (escaped(&sub.client_id), sub.last_sent, sub.pending);
            writeln!(rows, "<tr><td>{client} ({state})<td>{group}{durable}<td>up to #{last}<td>{pending} pending").ok();
        }
    }
    let clients: Vec<_> = snapshot.clients.iter().map(|client| escaped(&client.id)).collect();
    let clients = if clients.is_empty() { "nobody".to_owned() } else { clients.join(", ") };
    let notes: String = snapshot.notes.iter().map(|note| format!("<p>Note: {}\n", escaped(note))).collect();
    let (cluster, version, subscriptions) = (&snapshot.stream.name, &snapshot.server.version, snapshot.subscriptions());
    format!(
        "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content='width=device-width'>
<meta http-equiv=refresh content=2>
<title>{cluster}: {subscriptions} subscriptions</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8888 }}
.channel {{ background: #88f2 }}
</style>
<h1>{cluster}</h1>
<p>nats-server {version}; registered clients: {clients}
<table>
{rows}</table>
{notes}<p>As JSON: <a href=/streaming/serverz>serverz</a> <a href=/streaming/storez>storez</a>
<a href='/streaming/clientsz?subs=1'>clientsz</a> <a href='/streaming/channelsz?subs=1'>channelsz</a>
"
    )
}

/// A text of others, in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
