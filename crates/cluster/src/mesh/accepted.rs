//! Connections from other nodes, which receive.

use std::time::Duration;

use anyhow::{Context, bail};
use hub::Memory;
use service::Error;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::links::{Links, Passage};
use super::wire::{Common, Frame, Frames, Greeting, frames, greeting, receive, send};
use crate::machine::Input;
use crate::node::Node;

/// What all connections from other nodes need.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    pub(crate) node: Node,
    pub(crate) common: Common,
    pub(crate) links: Links,
    pub(crate) memory: Memory,
    pub(crate) inputs: mpsc::Sender<Input>,
    /// A node that is silent for longer is disconnected.
    pub(crate) limit: Duration,
}

impl Acceptor {
    /// Receives from one connection until it ends.
    pub(crate) async fn serve(&self, stream: TcpStream) -> Result<(), Error> {
        let mut frames = frames(stream);
        let from = timeout(self.limit, self.greet(&mut frames)).await.context("no greeting")??;
        let connection = self.links.accept(&from);
        let ended = self.receive_all(&from, &mut frames).await;
        self.links.leave(&from, connection);
        ended.with_context(|| format!("the connection from {from} ended"))
    }

    async fn greet(&self, frames: &mut Frames) -> Result<Node, Error> {
        let theirs = greeting(frames).await?;
        let ours = Greeting::new(self.node.clone(), theirs.from.clone(), self.common.clone());
        if let Some(objection) = ours.objection(&theirs) {
            send(frames, &Frame::Refusal(objection.clone())).await?;
            bail!("refused a node: {objection}");
        }
        send(frames, &Frame::Greeting(ours)).await?;
        Ok(theirs.from)
    }

    async fn receive_all(&self, from: &Node, frames: &mut Frames) -> Result<(), Error> {
        while let Some((frame, body)) = timeout(self.limit, receive(frames)).await.context("it is silent")?? {
            match frame {
                Frame::Cluster(message) => self.input(Input::Received { from: from.clone(), message }).await?,
                Frame::Interest { number, channel, is_open } => self.links.want(from, number, channel, is_open)?,
                Frame::Confirmed { number } => self.links.confirm(from, number),
                Frame::Publication { channel, epoch } => {
                    if let Some(epoch) = epoch {
                        match self.links.passage(epoch) {
                            Passage::Outdated => continue,
                            Passage::Open => {}
                            Passage::First => self.input(Input::Observed { epoch, leader: from.clone() }).await?,
                        }
                    }
                    self.memory.publish_in(epoch.map(|epoch| epoch.0), &channel, body);
                }
                Frame::Greeting(_) | Frame::Refusal(_) => bail!("a greeting in the middle"),
            }
        }
        Ok(())
    }

    async fn input(&self, input: Input) -> Result<(), Error> {
        self.inputs.send(input).await.context("the node stops")
    }
}
