//! Records are independent of each other.

use std::sync::Arc;

use bus::{Listen, Listener, Nowhere, Rejection};
use events::TicketCreated;
use service::launch;
use testkit::{Broker, LIMIT, unknown_id};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Reports the titles that it has handled. A ticket titled `slow` takes until it is released.
struct Listening {
    release: Arc<Notify>,
    handled: mpsc::UnboundedSender<String>,
}

impl Listener for Listening {
    type Event = TicketCreated;
    type Effects = Nowhere;

    const QUEUE_GROUP: &'static str = "group";

    async fn on_message(&self, event: &TicketCreated, (): &mut ()) -> Result<(), Rejection> {
        if event.title == "slow" {
            self.release.notified().await;
        }
        self.handled.send(event.title.clone()).unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn an_event_that_takes_long_delays_no_event_of_another_record() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let (sender, mut handled) = mpsc::unbounded_channel();
    let release = Arc::new(Notify::new());
    let listening = Listening { release: Arc::clone(&release), handled: sender };
    let mut running = launch("listener", Listen::new(&Nowhere::default(), &client.bus, listening)).start();
    running.ready().await.unwrap();
    for title in ["slow", "quick"] {
        let (id, user) = (unknown_id(), unknown_id());
        let event = format!(r#"{{"id":"{id}","version":0,"title":"{title}","price":20,"userId":"{user}"}}"#);
        client.publish(event).await;
    }
    let first = timeout(LIMIT, handled.recv()).await;
    assert_eq!(first.expect("the other ticket waits for the slow one").as_deref(), Some("quick"));
    release.notify_one();
    assert_eq!(handled.recv().await.as_deref(), Some("slow"));
    running.stop().await.result.unwrap();
    client.close().await;
    broker.stop().await;
}
