//! What the connections of a node share: who is connected, and which channels are read where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::bail;
use bytes::Bytes;
use hub::Channel;
use service::Error;
use tokio::sync::{mpsc, watch};

use super::wire::{Frame, encoded};
use crate::epoch::Epoch;
use crate::fence::Fence;
use crate::node::Node;

/// How many frames wait for one connection that keep the cluster going. If there are more, the connection is replaced.
const CONTROL: usize = 1024;

/// How many publications wait for one connection. Further ones are lost to that node.
const PUBLICATIONS: usize = 256;

/// How many channels another node may read.
const MOST_CHANNELS: usize = 65_536;

/// Cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How many readers each channel has that is read here.
    open: BTreeMap<Channel, usize>,
    /// How many interests were sent.
    interests: u64,
    /// Connections that send.
    out: BTreeMap<Node, Out>,
    /// What the nodes want whose connections are received from.
    wanted: BTreeMap<Node, Wanted>,
    /// Counts connections, so that an old one can't take away what a newer one of the same node has brought.
    connections: u64,
    fence: Fence,
    has_stopped: bool,
}

#[derive(Debug)]
struct Out {
    connection: u64,
    control: mpsc::Sender<Bytes>,
    publications: mpsc::Sender<Bytes>,
    confirmed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Wanted {
    connection: u64,
    channels: BTreeSet<Channel>,
    /// The number of the newest interest.
    number: u64,
}

/// A connection that sends, with what waits for it. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    to: Node,
    connection: u64,
    links: Links,
    pub(crate) control: mpsc::Receiver<Bytes>,
    pub(crate) publications: mpsc::Receiver<Bytes>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut shared = self.links.lock();
        if shared.out.get(&self.to).is_some_and(|out| out.connection == self.connection) {
            shared.out.remove(&self.to);
        }
    }
}

/// Whether a publication of a term may reach the readers here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It may not: they may have seen one of a later term.
    Outdated,
    /// It may, as others of this term before.
    Open,
    /// It may, and is the first of its term.
    First,
}

impl Shared {
    fn connection(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }

    /// Sends to one node, if it is connected. A connection that is too slow for this is replaced.
    fn control(&mut self, to: &Node, frame: &Frame) {
        let is_lost = self.out.get(to).is_some_and(|out| out.control.try_send(encoded(frame, &[])).is_err());
        if is_lost {
            self.out.remove(to);
        }
    }

    fn show(&mut self, channel: &Channel, is_open: bool) {
        self.interests += 1;
        let frame = Frame::Interest { number: self.interests, channel: channel.clone(), is_open };
        for node in self.out.keys().cloned().collect::<Vec<_>>() {
            self.control(&node, &frame);
        }
    }
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a connection that sends to this node: with everything that is read here.
    pub(crate) fn connect(&self, to: &Node) -> Option<Waiting> {
        let mut shared = self.lock();
        if shared.has_stopped {
            return None;
        }
        let channels: Vec<_> = shared.open.keys().cloned().collect();
        let (control, waiting) = mpsc::channel(CONTROL + channels.len());
        let (publications, published) = mpsc::channel(PUBLICATIONS);
        let connection = shared.connection();
        let out = Out { connection, control, publications, confirmed: watch::Sender::new(0) };
        shared.out.insert(to.clone(), out);
        let (last, interests) = (channels.len(), shared.interests);
        for (place, channel) in (1..).zip(channels) {
            // The last of them confirms all that was ever shown.
            let number = if place == last { interests } else { 0 };
            shared.control(to, &Frame::Interest { number, channel, is_open: true });
        }
        if let Some(number) = shared.wanted.get(to).map(|wanted| wanted.number) {
            shared.control(to, &Frame::Confirmed { number });
        }
        let (to, links) = (to.clone(), self.clone());
        Some(Waiting { to, connection, links, control: waiting, publications: published })
    }

    /// Ends all connections that send, once what waits for them is sent, and permits no other. Returns where they lead.
    pub(crate) fn stop(&self) -> BTreeSet<Node> {
        let mut shared = self.lock();
        shared.has_stopped = true;
        std::mem::take(&mut shared.out).into_keys().collect()
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.lock().has_stopped
    }

    /// Begins a connection that receives from this node; a former one counts no more.
    pub(crate) fn accept(&self, from: &Node) -> u64 {
        let mut shared = self.lock();
        let connection = shared.connection();
        shared.wanted.insert(from.clone(), Wanted { connection, ..Wanted::default() });
        connection
    }

    /// Ends a connection that receives from this node.
    pub(crate) fn leave(&self, from: &Node, connection: u64) {
        let mut shared = self.lock();
        if shared.wanted.get(from).is_some_and(|wanted| wanted.connection == connection) {
            shared.wanted.remove(from);
        }
    }

    /// Sends a frame that keeps the cluster going, if the node is connected.
    pub(crate) fn send(&self, to: &Node, frame: &Frame) {
        self.lock().control(to, frame);
    }

    /// Takes the interest of a node in a channel, and confirms it.
    ///
    /// # Errors
    ///
    /// If the node reads too many channels.
    pub(crate) fn want(&self, from: &Node, number: u64, channel: Channel, is_open: bool) -> Result<(), Error> {
        let mut shared = self.lock();
        if let Some(wanted) = shared.wanted.get_mut(from) {
            wanted.number = number.max(wanted.number);
            if is_open {
                wanted.channels.insert(channel);
            } else {
                wanted.channels.remove(&channel);
            }
            if wanted.channels.len() > MOST_CHANNELS {
                bail!("it reads more than {MOST_CHANNELS} channels");
            }
            shared.control(from, &Frame::Confirmed { number });
        }
        Ok(())
    }

    /// Takes a confirmation of the interests up to this one.
    pub(crate) fn confirm(&self, from: &Node, number: u64) {
        if let Some(out) = self.lock().out.get(from) {
            out.confirmed.send_if_modified(|newest| std::mem::replace(newest, number.max(*newest)) < number);
        }
    }

    /// Notes a reader of a channel. Returns what to wait for until every connected node has confirmed it.
    pub(crate) fn open(&self, channel: &Channel) -> Vec<(watch::Receiver<u64>, u64)> {
        let mut shared = self.lock();
        let count = shared.open.entry(channel.clone()).or_default();
        *count += 1;
        if *count == 1 {
            shared.show(channel, true);
        }
        let number = shared.interests;
        shared.out.values().map(|out| (out.confirmed.subscribe(), number)).collect()
    }

    /// Notes that a reader of a channel has left.
    pub(crate) fn close(&self, channel: &Channel) {
        let mut shared = self.lock();
        if let Some(count) = shared.open.get_mut(channel) {
            *count -= 1;
            if *count == 0 {
                shared.open.remove(channel);
                shared.show(channel, false);
            }
        }
    }

    /// Sends a publication to every node that reads the channel.
    pub(crate) fn publish(&self, channel: &Channel, epoch: Option<Epoch>, body: &[u8]) {
        let shared = self.lock();
        let wanting = shared.wanted.iter().filter(|(_, wanted)| wanted.channels.contains(channel));
        let links: Vec<_> = wanting.filter_map(|(node, _)| shared.out.get(node)).collect();
        if links.is_empty() {
            return;
        }
        let frame = encoded(&Frame::Publication { channel: channel.clone(), epoch }, body);
        let lost = links.into_iter().filter(|out| out.publications.try_send(frame.clone()).is_err()).count();
        metrics::counter!("cluster_publications_lost").increment(lost as u64);
    }

    /// Whether a publication of this term may reach readers here.
    pub(crate) fn passage(&self, epoch: Epoch) -> Passage {
        let mut shared = self.lock();
        let is_first = shared.fence.newest() < epoch;
        match (shared.fence.admits(epoch), is_first) {
            (true, true) => Passage::First,
            (true, false) => Passage::Open,
            (false, _) => Passage::Outdated,
        }
    }
}
