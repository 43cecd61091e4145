//! Reading documents of any service.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use store::Store;

pub(crate) async fn all(store: &Store, collection: &str) -> Vec<Document> {
    store.collection(collection).find(doc! {}).await.unwrap().try_collect().await.unwrap()
}

pub(crate) fn text(document: &Document, key: &str) -> String {
    document.get_str(key).unwrap().to_owned()
}

/// A whole number of either size.
pub(crate) fn number(document: &Document, key: &str) -> i64 {
    document.get_i64(key).or_else(|_| document.get_i32(key).map(i64::from)).unwrap()
}
