//! The page for people.

use std::fmt::Write;

use super::snapshot::Snapshot;

/// Channels with their subscriptions, and clients. The page reloads every two seconds.
///
/// Nothing in it needs escaping: names are letters, digits, `-`, `_`, and the subjects are ours.
pub(super) fn overview(snapshot: &Snapshot) -> String {
    let mut rows = String::new();
    for channel in &snapshot.channels {
        let (name, messages, bytes, last) = (&channel.name, channel.messages, channel.bytes, channel.last);
        let subscriptions = channel.subscriptions.len();
        writeln!(
            rows,
            "<tr class=channel><th>{name}<td>{messages} messages, {bytes} bytes<td>last #{last}<td>{subscriptions} subscriptions"
        )
        .ok();
        for sub in &channel.subscriptions {
            let group = sub.queue_group.as_deref().unwrap_or("alone");
            let durable = sub.durable.as_deref().map(|durable| format!(", durable {durable}")).unwrap_or_default();
            let state = if sub.is_offline { "offline" } else { "live" };
            let (client, last, pending) = (&sub.client_id, sub.last_sent, sub.pending);
            writeln!(rows, "<tr><td>{client} ({state})<td>{group}{durable}<td>up to #{last}<td>{pending} pending").ok();
        }
    }
    let clients: Vec<_> = snapshot.clients.iter().map(|client| client.id.as_str()).collect();
    let clients = if clients.is_empty() { "nobody".to_owned() } else { clients.join(", ") };
    let (cluster, version, subscriptions) = (&snapshot.stream.name, &snapshot.server.version, snapshot.subscriptions());
    format!(
        "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta http-equiv=refresh content=2>
<title>{cluster}: {subscriptions} subscriptions</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ccc }}
.channel {{ background: #eef }}
</style>
<h1>{cluster}</h1>
<p>nats-server {version}; registered clients: {clients}
<table>
{rows}</table>
<p>As JSON: <a href=/streaming/serverz>serverz</a> <a href=/streaming/storez>storez</a>
<a href='/streaming/clientsz?subs=1'>clientsz</a> <a href='/streaming/channelsz?subs=1'>channelsz</a>
"
    )
}
