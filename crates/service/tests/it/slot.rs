//! A slot that is filled by its setter. Those of restarted children are in `restart`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use service::{Scope, Slot, launch};

use crate::components::Component;

#[tokio::test]
async fn a_slot_is_empty_until_it_is_set_after_it_is_cleared_and_once_its_setter_is_dropped() {
    let mut root = launch(
        "root",
        Component(async |scope: Scope<()>| {
            let (setter, slot) = Slot::empty(scope.path(), "child");
            assert_eq!(slot.get().unwrap_err().to_string(), "root/child is not ready");
            setter.set(1);
            assert_eq!(slot.get(), Ok(1));
            setter.set(2);
            assert_eq!(slot.clone().get(), Ok(2));
            setter.clear();
            assert!(slot.get().is_err());
            let (waited, ()) = tokio::join!(slot.wait(), async { setter.set(3) });
            assert_eq!(waited, Ok(3));
            drop(setter);
            assert!(slot.get().is_err());
            assert!(slot.wait().await.is_err());
            scope.ready(());
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    root.ended().await.result.unwrap();
}

#[tokio::test]
async fn whoever_waits_is_not_told_that_the_child_is_gone_when_it_comes_and_goes() {
    let mut root = launch(
        "root",
        Component(async |scope: Scope<()>| {
            let (setter, slot) = Slot::empty(scope.path(), "child");
            let enough = Arc::new(AtomicBool::new(false));
            let child = thread::spawn({
                let enough = Arc::clone(&enough);
                move || {
                    while !enough.load(Ordering::Relaxed) {
                        setter.set(());
                        thread::yield_now();
                        setter.clear();
                    }
                }
            });
            let mut waited = Ok(());
            for _ in 0..100_000 {
                waited = waited.and(slot.wait().await);
            }
            enough.store(true, Ordering::Relaxed);
            child.join().unwrap();
            waited?;
            scope.ready(());
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    root.ended().await.result.unwrap();
}
