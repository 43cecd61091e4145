//! Streams, consumers and registry that an older version made.

use std::collections::HashMap;

use bus::{
    Bus, Connection, Consumer, DeadLetter, Delivery, Heartbeat, Reader, Registration, Source, Start, Streams, Verdict,
    clients,
};
use events::{
    ExpirationComplete, OrderCancelled, OrderCreated, PaymentCreated, PaymentRefunded, Subject, TicketCreated,
    TicketUpdated,
};
use service::launch;
use testkit::dump::{self, BUS, COMMITS, DEAD_LETTERS, EVENTS, dump_of};
use testkit::{Broker, durable_group, listen_to, until};

/// The subjects that a commit's programs do not know.
fn unknown_to(commit: &str) -> &'static [Subject] {
    match commit {
        "00b39de" => &[Subject::PaymentRefunded],
        _ => &[],
    }
}

async fn restored(commit: &str) -> Broker {
    let broker = Broker::start().await;
    dump::restore_streams(&broker, &dump_of(BUS, commit)).await;
    broker
}

fn of_subject(subject: Subject, group: &str) -> Consumer {
    Consumer { source: Source::Events(subject), ..durable_group(group) }
}

/// Why the bytes are not an event of their subject.
fn refused(subject: Subject, delivery: &Delivery) -> Option<String> {
    let refused = match subject {
        Subject::TicketCreated => delivery.event::<TicketCreated>().err(),
        Subject::TicketUpdated => delivery.event::<TicketUpdated>().err(),
        Subject::OrderCreated => delivery.event::<OrderCreated>().err(),
        Subject::OrderCancelled => delivery.event::<OrderCancelled>().err(),
        Subject::ExpirationComplete => delivery.event::<ExpirationComplete>().err(),
        Subject::PaymentCreated => delivery.event::<PaymentCreated>().err(),
        Subject::PaymentRefunded => delivery.event::<PaymentRefunded>().err(),
    };
    refused.map(|refused| refused.to_string())
}

#[tokio::test]
async fn they_open_as_they_are_and_lose_no_message() {
    for commit in COMMITS {
        let broker = restored(commit).await;
        let client = broker.connect("tickets-1").await;
        for stream in [EVENTS, DEAD_LETTERS] {
            let there = broker.outsider().await.get_stream(stream).await.unwrap();
            let messages = dump::messages(&dump_of(BUS, commit), stream);
            assert_eq!(there.cached_info().state.messages, messages.len() as u64, "{stream}");
            assert_eq!(there.cached_info().state.last_sequence, messages.last().unwrap().sequence, "{stream}");
        }
        // New messages are stored behind the old ones.
        let last = dump::messages(&dump_of(BUS, commit), EVENTS).last().unwrap().sequence;
        assert_eq!(client.publish("new").await, last + 1);
        client.close().await;
        broker.stop().await;
    }
}

#[tokio::test]
async fn a_stream_is_read_with_subjects_that_it_does_not_have_and_gets_them_from_the_first_service() {
    for commit in COMMITS {
        let broker = restored(commit).await;
        let outsider = broker.outsider().await;
        let subjects = async || outsider.get_stream(EVENTS).await.unwrap().cached_info().config.subjects.clone();
        let mut expected = subjects().await;
        let mut tool = launch("tool", Connection { streams: Streams::Required, ..broker.connection("tool") }).start();
        let mut reader = Reader::of_events(&tool.ready().await.unwrap(), &Subject::ALL, Start::All).await.unwrap();
        assert!(reader.try_next().await.unwrap().is_some());
        reader.close().await;
        tool.stop().await.result.unwrap();
        assert_eq!(subjects().await, expected, "{commit}");

        broker.connect("payments-1").await.close().await;
        expected.extend(unknown_to(commit).iter().map(ToString::to_string));
        assert_eq!(subjects().await, expected, "{commit}");
        broker.stop().await;
    }
}

#[tokio::test]
async fn clients_that_were_killed_are_listed_and_give_way_to_new_ones() {
    for commit in COMMITS {
        let broker = restored(commit).await;
        let client = broker.connect("tickets-1").await;
        let ids = |bus: Bus| async move {
            let clients = clients(&bus).await.unwrap().clients;
            clients.into_iter().map(|client| (client.id, client.entry.listening.len())).collect::<Vec<_>>()
        };
        let old = ids(client.bus.clone()).await;
        let listening = |id: &str| old.iter().find(|(old, _)| old == id).map(|(_, listening)| *listening);
        assert_eq!([listening("tickets-1"), listening("orders-1")], [Some(2), Some(4)], "{old:?}");

        let registration = Registration { bus: client.bus.clone(), heartbeat: Heartbeat::default() };
        let mut registered = launch("client-id", registration).start();
        registered.ready().await.unwrap();
        assert!(ids(client.bus.clone()).await.contains(&("tickets-1".to_owned(), 0)), "it listens to nothing");
        registered.stop().await.result.unwrap();
        client.close().await;
        broker.stop().await;
    }
}

#[tokio::test]
async fn a_new_group_receives_every_old_event_and_decodes_it() {
    for commit in COMMITS {
        let broker = restored(commit).await;
        let client = broker.connect("a").await;
        for subject in Subject::ALL.into_iter().filter(|subject| !unknown_to(commit).contains(subject)) {
            let old = dump::messages(&dump_of(BUS, commit), EVENTS);
            let old: Vec<_> = old.iter().filter(|message| message.subject == subject.as_str()).collect();
            assert!(!old.is_empty(), "{commit} has no {subject}");
            let mut listener = listen_to(&client, of_subject(subject, "newcomer"), |_| Verdict::Ack).await;
            for message in old {
                let delivery = listener.next().await;
                assert_eq!((delivery.sequence, &*delivery.payload), (message.sequence, &*message.payload()));
                assert_eq!(delivery.event_id(), message.header("Event-Id"));
                let is_junk = message.payload() == br#""not an order""#;
                let refused = refused(subject, &delivery);
                assert_eq!(refused.is_some(), is_junk, "{subject} #{}: {refused:?}", message.sequence);
            }
            listener.close().await;
        }
        client.close().await;
        broker.stop().await;
    }
}

#[tokio::test]
async fn an_old_group_goes_on_where_it_was() {
    for commit in COMMITS {
        let (broker, folder) = (restored(commit).await, dump_of(BUS, commit));
        let client = broker.connect("orders-1").await;
        let mut new = HashMap::new();
        for subject in Subject::ALL {
            new.insert(subject, client.publish_to(subject, "new").await);
        }
        let mut pending = 0;
        for (group, subject) in [
            ("orders-service", Subject::TicketCreated),
            ("orders-service", Subject::TicketUpdated),
            ("orders-service", Subject::ExpirationComplete),
            ("orders-service", Subject::PaymentCreated),
            ("tickets-service", Subject::OrderCreated),
            ("tickets-service", Subject::OrderCancelled),
            ("expiration-service", Subject::OrderCreated),
            ("expiration-service", Subject::OrderCancelled),
        ] {
            let consumer = format!("{group}:{}", subject.as_str().replace(':', "-"));
            let mut expected = dump::pending_of(&folder, EVENTS, &consumer);
            pending += expected.len();
            let mut listener = listen_to(&client, of_subject(subject, group), |_| Verdict::Ack).await;
            expected.push(new[&subject]);
            assert_eq!(listener.sequences(expected.len()).await, expected, "{consumer}");
            listener.close().await;
        }
        assert!(pending > 0, "{commit} has handled everything");
        client.close().await;
        broker.stop().await;
    }
}

#[tokio::test]
async fn old_dead_letters_are_read_and_redriven_to_their_group() {
    for commit in COMMITS {
        let broker = restored(commit).await;
        let client = broker.connect("a").await;
        for message in dump::messages(&dump_of(BUS, commit), DEAD_LETTERS) {
            let letter = DeadLetter::find(&client.bus, message.sequence).await.unwrap().unwrap();
            assert_eq!(Some(letter.group.as_str()), message.header("Dead-Letter-Group"));
            assert_eq!(Some(letter.event_id.as_str()), message.header("Dead-Letter-Event-Id"));
            assert_eq!(Some(letter.reason.as_str()), message.header("Dead-Letter-Reason"));
            assert_eq!(letter.payload, message.payload());

            let consumer = of_subject(letter.subject.parse().unwrap(), &letter.group);
            let mut listener = listen_to(&client, consumer, |_| Verdict::Ack).await;
            letter.redrive(&client.bus).await.unwrap();
            let again = loop {
                let delivery = listener.next().await;
                if delivery.redrive_of() == Some(message.sequence) {
                    break delivery;
                }
            };
            assert_eq!(again.event_id(), Some(letter.event_id.as_str()));
            assert_eq!(again.payload, letter.payload);
            until("removed", async || DeadLetter::find(&client.bus, message.sequence).await.unwrap().is_none()).await;
            listener.close().await;
        }
        client.close().await;
        broker.stop().await;
    }
}
