//! A page of a list, the newest object first.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use super::{Books, Entry};
use crate::answer::Refused;
use crate::params::Params;

/// Which part of a list is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    limit: i64,
    filter: Document,
    is_backwards: bool,
}

impl Page {
    /// The parameters that every list has.
    pub(crate) const PARAMS: [&'static str; 4] = ["limit", "starting_after", "ending_before", "created[]"];

    pub(crate) fn of(params: &Params) -> Result<Self, Refused> {
        let limit = params.integer("limit")?.unwrap_or(10);
        if !(1..=100).contains(&limit) {
            let message = "This value must be greater than or equal to 1, and less than or equal to 100.";
            return Err(Refused::parameter("limit", "parameter_invalid_integer", message));
        }
        let mut filter = Document::new();
        for (name, operator) in
            [("created[gt]", "$gt"), ("created[gte]", "$gte"), ("created[lt]", "$lt"), ("created[lte]", "$lte")]
        {
            if let Some(time) = params.integer(name)? {
                let bounds = filter.entry("created".to_owned()).or_insert_with(|| Document::new().into());
                bounds.as_document_mut().into_iter().for_each(|bounds| drop(bounds.insert(operator, time)));
            }
        }
        let is_backwards = params.get("ending_before").is_some();
        if let Some(after) = params.get("starting_after") {
            filter.insert("_id", doc! { "$lt": after });
        } else if let Some(before) = params.get("ending_before") {
            filter.insert("_id", doc! { "$gt": before });
        }
        Ok(Self { limit, filter, is_backwards })
    }

    /// The page with a condition of the list's own.
    pub(crate) fn with(mut self, field: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.filter.insert(field, value);
        }
        self
    }

    pub(crate) async fn read<E: Entry>(
        self,
        books: &Books,
        url: &str,
        shown: impl Fn(&E) -> Value,
    ) -> Result<Value, Refused> {
        let order = if self.is_backwards { 1 } else { -1 };
        let all = books.of::<E>();
        let found = all.find(self.filter).sort(doc! { "_id": order }).limit(self.limit + 1).await?;
        let mut found: Vec<E> = found.try_collect().await?;
        let has_more = i64::try_from(found.len()).unwrap_or(i64::MAX) > self.limit;
        found.truncate(usize::try_from(self.limit).unwrap_or_default());
        if self.is_backwards {
            found.reverse();
        }
        let data: Vec<_> = found.iter().map(shown).collect();
        Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
    }
}
