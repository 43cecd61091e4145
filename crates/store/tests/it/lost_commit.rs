//! The connection breaks during a commit, so the client does not know whether the server has committed.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use events::TicketCreated;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use testkit::Database;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, Result, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::task::JoinSet;

use super::{open, outbox, ticket};

/// What is lost when a connection breaks.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// The server never gets the commit.
    Commit,
    /// The server has committed, and the client never gets the answer.
    Answer,
}

/// A proxy in front of a mongod. It breaks the connections of the first commits, and passes on everything else.
struct Proxy {
    address: String,
    breaks: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    async fn start(target: &str, lost: Lost, breaks: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let breaks = Arc::new(AtomicUsize::new(breaks));
        let (target, left) = (target.to_owned(), Arc::clone(&breaks));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                connections.spawn(pass(client, server, lost, Arc::clone(&left)));
            }
        });
        Self { address, breaks, _accepting: accepting }
    }
}

/// Passes on everything until it is to break the connection, or one side closes it.
async fn pass(mut client: TcpStream, mut server: TcpStream, lost: Lost, breaks: Arc<AtomicUsize>) -> Result<()> {
    let ((mut requests, mut to_client), (mut answers, mut to_server)) = (client.split(), server.split());
    let until_broken = async {
        loop {
            let request = message(&mut requests).await?;
            let is_commit = request.windows(17).any(|bytes| bytes == b"commitTransaction");
            let take = |left: usize| left.checked_sub(1);
            if is_commit && breaks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                return Ok::<_, std::io::Error>(request);
            }
            to_server.write_all(&request).await?;
        }
    };
    let commit = select! {
        request = until_broken => request?,
        ended = copy(&mut answers, &mut to_client) => return ended.map(drop),
    };
    if matches!(lost, Lost::Answer) {
        to_server.write_all(&commit).await?;
        message(&mut answers).await?;
    }
    Ok(())
}

/// The next message of MongoDB's protocol: the first four bytes are its length.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let length = from.read_u32_le().await?;
    let mut message = length.to_le_bytes().to_vec();
    from.take(u64::from(length) - 4).read_to_end(&mut message).await?;
    Ok(message)
}

/// Breaks the connections of this many commits of one transaction: it is confirmed, and was done once.
async fn is_done_once(lost: Lost, breaks: usize) {
    let database = Database::new();
    let (server, path) = database.uri().trim_start_matches("mongodb://").split_once('/').unwrap();
    let name = path.split('?').next().unwrap();
    let proxy = Proxy::start(server, lost, breaks).await;
    let opened = open(&format!("mongodb://{}/{name}?directConnection=true", proxy.address)).await;
    let store = &opened.store;
    let (counters, outbox) = (store.collection::<Document>("counters"), outbox::<TicketCreated>(store));
    counters.insert_one(doc! { "_id": "a", "count": 0 }).await.unwrap();

    let (event, calls) = (ticket("concert"), AtomicUsize::new(0));
    let done = store.transaction(async |tx| {
        calls.fetch_add(1, Ordering::Relaxed);
        counters.update_one(doc! { "_id": "a" }, doc! { "$inc": { "count": 1 } }).session(&mut *tx).await?;
        outbox.record(tx, &event).await?;
        Ok::<_, Error>("done")
    });
    assert_eq!(done.await.unwrap(), "done");

    assert_eq!(proxy.breaks.load(Ordering::Relaxed), 0, "every break has happened");
    assert_eq!(calls.load(Ordering::Relaxed), 1, "the work is not repeated, only its commit");
    let counter = database.collection("counters").await.find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(counter.get_i32("count").unwrap(), 1);
    assert_eq!(database.collection("outbox").await.count_documents(doc! {}).await.unwrap(), 1);
    opened.close().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_confirmed_and_done_once() {
    is_done_once(Lost::Answer, 1).await;
}

#[tokio::test]
async fn a_commit_that_never_arrives_is_confirmed_and_done_once() {
    is_done_once(Lost::Commit, 1).await;
}

/// The driver itself repeats a commit once.
#[tokio::test]
async fn a_commit_is_repeated_until_its_outcome_is_known() {
    is_done_once(Lost::Answer, 3).await;
    is_done_once(Lost::Commit, 3).await;
}
