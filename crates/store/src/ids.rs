//! New ids.

use events::Id;
use mongodb::bson::oid::ObjectId;

/// An id that no record has yet. As far as the clocks of the machines agree, ids made later are greater.
pub fn new_id<K>() -> Id<K> {
    Id::from_bytes(ObjectId::new().bytes())
}
