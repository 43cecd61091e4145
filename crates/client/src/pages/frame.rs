//! What stands around the content of every page.

use std::sync::Arc;

use crate::api::{Api, Failure, User};
use crate::assets::Assets;
use crate::state::AppState;

/// What stands around the content of a page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) assets: Arc<Assets>,
    pub(crate) viewer: Viewer,
    /// The path of the page, if the navigation leads to it.
    pub(crate) here: &'static str,
}

/// Who reads a page.
#[derive(Clone, Debug)]
pub(crate) enum Viewer {
    User(User),
    Nobody,
    /// The auth service is away.
    Unknown,
}

impl Frame {
    pub(crate) fn new(state: &AppState, viewer: Viewer, here: &'static str) -> Self {
        Self { assets: Arc::clone(&state.assets), viewer, here }
    }

    pub(crate) fn user(&self) -> Option<&User> {
        match &self.viewer {
            Viewer::User(user) => Some(user),
            Viewer::Nobody | Viewer::Unknown => None,
        }
    }

    pub(crate) fn is_signed_in(&self) -> bool {
        self.user().is_some()
    }

    /// Who reads the page, as a text that the pages in other tabs compare with theirs; `None` if it is not known.
    pub(crate) fn reader(&self) -> Option<String> {
        match &self.viewer {
            Viewer::User(user) => Some(user.id.to_string()),
            Viewer::Nobody => Some("nobody".to_owned()),
            Viewer::Unknown => None,
        }
    }
}

impl Api {
    /// Who reads the page. While the auth service is away, pages are shown all the same.
    pub(crate) async fn viewer(&self) -> Viewer {
        match self.current_user().await {
            Ok(Some(user)) => Viewer::User(user),
            Ok(None) => Viewer::Nobody,
            Err(failure) => {
                if let Failure::Away { cause, .. } = failure {
                    tracing::warn!("it is not known who is signed in: {cause:#}");
                }
                Viewer::Unknown
            }
        }
    }
}
