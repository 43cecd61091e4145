//! A slot that is filled by its setter. Those of restarted children are in `restart`.

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
