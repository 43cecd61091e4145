//! What connections between nodes carry.
//!
//! A frame is its length (4 bytes, big-endian), the length of its head (4 bytes), the head as JSON, and the bytes of a message if
//! it is a publication. The first frame of each side is a greeting with the version.

use anyhow::{Context, bail};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use hub::Channel;
use serde::{Deserialize, Serialize};
use service::Error;
use tokio::net::TcpStream;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use crate::epoch::Epoch;
use crate::machine::{Message, Quorum};
use crate::node::Node;

/// The version of everything that is sent. Nodes of different versions do not speak with each other.
const VERSION: u32 = 1;

/// The longest frame, in bytes: the longest message of a hub is half of it.
const LONGEST: usize = 1024 * 1024;

/// A connection that carries frames.
pub(crate) type Frames = Framed<TcpStream, LengthDelimitedCodec>;

/// The head of a frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Frame {
    Greeting(Greeting),
    /// Why a greeting is not answered.
    Refusal(String),
    Cluster(Message),
    /// The sender opens or closes a channel; the number counts those that it has sent.
    Interest {
        number: u64,
        channel: Channel,
        is_open: bool,
    },
    /// Whatever is published from now on reaches whoever has sent the interest of this number.
    Confirmed {
        number: u64,
    },
    /// A message of a channel, which follows; with the epoch of the leader's term if it is published in one.
    Publication {
        channel: Channel,
        epoch: Option<Epoch>,
    },
}

/// Who greets whom, and what both must agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Greeting {
    version: u32,
    pub(crate) from: Node,
    pub(crate) to: Node,
    common: Common,
}

/// What all nodes of a cluster must be configured with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Common {
    pub(crate) cluster: String,
    pub(crate) size: usize,
    pub(crate) quorum: Quorum,
}

impl Greeting {
    pub(crate) fn new(from: Node, to: Node, common: Common) -> Self {
        Self { version: VERSION, from, to, common }
    }

    /// Why the two nodes do not speak with each other, if they don't; `self` is what this node expects.
    pub(crate) fn objection(&self, other: &Self) -> Option<String> {
        let Self { version, from, to, common } = other;
        let (own, they) = (&self.common, from);
        if *version != self.version {
            Some(format!(
                "{they} speaks version {version} and {} version {}: run the same program",
                self.from, self.version
            ))
        } else if common.cluster != own.cluster {
            Some(format!("{they} is of the cluster {:?} and {} of {:?}", common.cluster, self.from, own.cluster))
        } else if (common.size, common.quorum) != (own.size, own.quorum) {
            Some(format!(
                "{they} counts {} nodes with quorum {:?} and {} counts {} with {:?}: configure the same",
                common.size, common.quorum, self.from, own.size, own.quorum
            ))
        } else if *to != self.from || *from != self.to {
            Some(format!("{they} looks for {to}, and {} is here: each node needs a name of its own", self.from))
        } else {
            None
        }
    }
}

pub(crate) fn frames(stream: TcpStream) -> Frames {
    stream.set_nodelay(true).ok(); // delayed is better than none
    Framed::new(stream, LengthDelimitedCodec::builder().max_frame_length(LONGEST).new_codec())
}

/// The frame as bytes; they have no length yet, which the codec adds.
pub(crate) fn encoded(frame: &Frame, body: &[u8]) -> Bytes {
    let head = serde_json::to_vec(frame).expect("a frame is valid JSON");
    let mut bytes = BytesMut::with_capacity(4 + head.len() + body.len());
    bytes.put_u32(u32::try_from(head.len()).expect("a head is short"));
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(body);
    bytes.freeze()
}

fn decoded(mut bytes: Bytes) -> Result<(Frame, Bytes), Error> {
    let length =
        bytes.split_to_checked(4).map(|length| u32::from_be_bytes([length[0], length[1], length[2], length[3]]));
    let head = length.and_then(|length| bytes.split_to_checked(length as usize));
    let frame = serde_json::from_slice(&head.context("a frame ends too early")?).context("failed to read a frame")?;
    Ok((frame, bytes))
}

pub(crate) async fn send(frames: &mut Frames, frame: &Frame) -> Result<(), Error> {
    frames.send(encoded(frame, &[])).await.context("failed to send a frame")
}

/// The next frame, and the bytes that follow its head; `None` at the end of the connection.
pub(crate) async fn receive(frames: &mut Frames) -> Result<Option<(Frame, Bytes)>, Error> {
    match frames.next().await {
        Some(bytes) => decoded(bytes.context("failed to receive a frame")?.freeze()).map(Some),
        None => Ok(None),
    }
}

/// The greeting that a connection begins with.
pub(crate) async fn greeting(frames: &mut Frames) -> Result<Greeting, Error> {
    match receive(frames).await? {
        Some((Frame::Greeting(greeting), _)) => Ok(greeting),
        Some((Frame::Refusal(why), _)) => bail!("refused: {why}"),
        Some(_) => bail!("expected a greeting"),
        None => bail!("the connection ended before a greeting"),
    }
}

/// Takes bytes off the front, if there are that many.
trait SplitChecked: Sized {
    fn split_to_checked(&mut self, length: usize) -> Option<Self>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, length: usize) -> Option<Self> {
        (length <= self.len()).then(|| self.split_to(length))
    }
}
