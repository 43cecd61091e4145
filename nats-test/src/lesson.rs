//! The lessons of the course's event-bus section, each with the options of its listener.

use bus::{Name, Start};
use clap::ValueEnum;

/// A lesson about the listener, in the order of the course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lesson {
    /// A first listener: new events only, each acked as soon as it is handled
    Listening,
    /// What a message contains: its data and its sequence in the stream
    EventData,
    /// Two listeners need two client ids, so each takes a random one
    ClientId,
    /// Two listeners share the work: each event goes to one of them
    QueueGroups,
    /// Manual acks: an event that failed is redelivered
    ManualAck,
    /// What the broker does about a dead client
    ClientHealthChecks,
    /// A listener that closes its connection is forgotten immediately
    GracefulShutdown,
    /// Every event from the first one, each time the listener starts
    EventRedelivery,
    /// Every event once, including those published while nobody listened
    DurableSubscriptions,
}

/// The options of a lesson's listener.
#[derive(Clone, Debug)]
pub struct Options {
    /// The client id; `None` means a random one.
    pub client_id: Option<Name>,
    /// The queue group that shares the events.
    pub queue_group: Option<Name>,
    /// The name under which its position is kept.
    pub durable: Option<Name>,
    /// Whether an event is acked only after it was handled.
    pub manual_ack: bool,
    /// The first event to receive.
    pub start: Start,
}

impl Lesson {
    /// The options of this lesson's listener.
    pub fn options(self) -> Options {
        let plain = Options { client_id: None, queue_group: None, durable: None, manual_ack: false, start: Start::New };
        match self {
            Self::Listening | Self::EventData => Options { client_id: Some(name("123")), ..plain },
            Self::ClientId => plain,
            Self::QueueGroups => Options { queue_group: Some(name("orders-service-queue-group")), ..plain },
            Self::ManualAck | Self::ClientHealthChecks | Self::GracefulShutdown => {
                Options { queue_group: Some(name("orders-service-queue-group")), manual_ack: true, ..plain }
            }
            Self::EventRedelivery => Options { manual_ack: true, start: Start::All, ..plain },
            Self::DurableSubscriptions => Options {
                queue_group: Some(name("queue-group-name")),
                durable: Some(name("accounting-service")),
                manual_ack: true,
                start: Start::All,
                ..plain
            },
        }
    }

    /// One line for each lesson: its name, and what it shows.
    pub fn list() -> String {
        let lines = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let lines = lines.map(|lesson| {
            let help = lesson.get_help().map(ToString::to_string).unwrap_or_default();
            format!("{:<22}{help}", lesson.get_name())
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("the names of the lessons are names")
}
