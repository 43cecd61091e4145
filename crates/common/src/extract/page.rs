//! The pages of a list.

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::header::LINK;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::errors::{ApiError, Problem, SOMETHING_WENT_WRONG};
use events::Id;

/// How many records one answer lists at most.
const MAX_PAGE_SIZE: usize = 1000;

/// The page of a list that a request asks for: `?limit=100&after=<id>`, and `&newest=true` for the newest first.
#[derive(Clone, Debug)]
pub struct Page<K> {
    /// The path of the list.
    path: String,
    /// The parameter that has chosen these records of the list, and an `&`; or nothing.
    part: String,
    /// How many records the page has at most: 1 to 1000.
    limit: usize,
    /// Whether the newest come first.
    newest_first: bool,
    /// The id of the last record of the previous page.
    pub after: Option<Id<K>>,
}

impl<K> Page<K> {
    /// The page of a part of the list, which this parameter has chosen, as `mine=true`: the link to the next page keeps it.
    #[must_use]
    pub fn of(self, parameter: &str) -> Self {
        Self { part: format!("{parameter}&"), ..self }
    }

    /// In which order to query them.
    #[cfg(feature = "mongo")]
    pub fn direction(&self) -> store::Direction {
        if self.newest_first { store::Direction::NewestFirst } else { store::Direction::OldestFirst }
    }

    /// How many records to query: one more than the page shows, to know whether there is a next page.
    pub fn query_limit(&self) -> usize {
        self.limit + 1
    }

    /// The answer: a bare array, and a `Link` header to the next page if there is one. A record that can't be shown, which
    /// `show` answers with `None`, is left out.
    pub fn answer<T, S: Serialize>(
        &self,
        mut found: Vec<T>,
        id: impl Fn(&T) -> Id<K>,
        show: impl FnMut(&T) -> Option<S>,
    ) -> Response {
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        let shown: Vec<_> = found.iter().filter_map(show).collect();
        match found.last() {
            Some(last) if has_more => {
                let Self { path, part, limit, newest_first, .. } = self;
                let newest = if *newest_first { "newest=true&" } else { "" };
                let next = format!("<{path}?{part}{newest}limit={limit}&after={}>; rel=\"next\"", id(last));
                ([(LINK, next)], Json(shown)).into_response()
            }
            _ => Json(shown).into_response(),
        }
    }
}

impl<S: Sync, K> FromRequestParts<S> for Page<K> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(given) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::BadRequest(SOMETHING_WENT_WRONG))?;
        let path = parts.uri.path().to_owned();
        let mut page = Self { path, part: String::new(), limit: MAX_PAGE_SIZE, newest_first: false, after: None };
        let mut problems = Vec::new();
        for (name, value) in given {
            match name.as_str() {
                "limit" => match value.parse() {
                    Ok(limit) if (1..=MAX_PAGE_SIZE).contains(&limit) => page.limit = limit,
                    _ => problems.push(problem("limit", format!("Limit must be a number from 1 to {MAX_PAGE_SIZE}"))),
                },
                "after" => match value.to_ascii_lowercase().parse() {
                    Ok(id) => page.after = Some(id),
                    Err(_) => problems.push(problem("after", "After must be the id of the last one before".to_owned())),
                },
                "newest" => match value.parse() {
                    Ok(newest_first) => page.newest_first = newest_first,
                    Err(_) => problems.push(problem("newest", "Newest must be true or false".to_owned())),
                },
                _ => {} // a parameter of somebody else, such as a tracker
            }
        }
        if problems.is_empty() { Ok(page) } else { Err(ApiError::Invalid(problems)) }
    }
}

fn problem(field: &'static str, message: String) -> Problem {
    Problem { message, field: Some(field) }
}
