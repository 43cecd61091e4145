//! A database of one's own, in a mongod that all tests of a program share.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use mongodb::Collection;
use mongodb::bson::Document;
use tokio::sync::oneshot;

use crate::Mongod;

/// A database that no other test has. The mongod stops with the last test that has one.
#[derive(Clone, Debug)]
pub struct Database {
    uri: String,
    _mongod: Arc<Shared>,
}

/// A mongod on a runtime of its own, since each test has one that ends with it.
#[derive(Debug)]
struct Shared {
    uri: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Database {
    /// An empty one.
    pub fn new() -> Self {
        static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let mongod = shared.upgrade().unwrap_or_else(|| Arc::new(Shared::start()));
        *shared = Arc::downgrade(&mongod);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // What a test has seen, a service sees too.
        let options = format!("/test-{number}?readConcernLevel=majority&");
        Self { uri: mongod.uri.replace("/test?", &options), _mongod: mongod }
    }

    /// `mongodb://127.0.0.1:<port>/<database>?...`
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// One of its collections, to look and meddle from outside.
    pub async fn collection(&self, name: &str) -> Collection<Document> {
        let client = mongodb::Client::with_uri_str(&self.uri).await.unwrap();
        client.default_database().unwrap().collection(name)
    }
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn start() -> Self {
        let (stop, stopping) = oneshot::channel();
        let (tell, started) = channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mongod = Mongod::start().await;
                tell.send(mongod.uri("test")).unwrap();
                stopping.await.ok();
                mongod.stop().await;
            });
        });
        Self { uri: started.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "mongod did not stop");
    }
}
