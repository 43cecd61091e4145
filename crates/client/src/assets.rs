//! The files that pages refer to. Each name contains a hash of the content, so that browsers may keep a file for ever.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::api::Failure;

/// How many digits of the hash a name has.
const DIGITS: usize = 12;

/// All files.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) stripe: Asset,
    pub(crate) icon: Asset,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Asset {
    /// `site-0123456789ab.css`
    name: String,
    kind: &'static str,
    content: Bytes,
}

impl Assets {
    /// Those that are part of the program.
    pub(crate) fn embedded() -> Arc<Self> {
        // One file, so one request. What is ours counts for more than the base, whatever their selectors.
        let base = include_str!("../assets/simple.css");
        let style = format!("@layer base,site;@layer base{{{base}}}\n{}", include_str!("../assets/site.css"));
        let javascript = "text/javascript; charset=utf-8";
        Arc::new(Self {
            style: Asset::new("site", "css", "text/css; charset=utf-8", style.into()),
            script: Asset::new("site", "js", javascript, include_bytes!("../assets/site.js").as_slice().into()),
            stripe: Asset::new("stripe", "js", javascript, include_bytes!("../assets/stripe.js").as_slice().into()),
            icon: Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../assets/icon.svg").as_slice().into()),
        })
    }

    fn named(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.script, &self.stripe, &self.icon].into_iter().find(|asset| asset.name == name)
    }
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, content: Bytes) -> Self {
        let mut hash = String::new();
        for byte in Sha256::digest(&content) {
            let _ = write!(hash, "{byte:02x}"); // a String takes everything
        }
        Self { name: format!("{stem}-{}.{extension}", &hash[..DIGITS]), kind, content }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// GET `/assets/:name`
pub(crate) async fn show_asset(
    State(assets): State<Arc<Assets>>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let asset = assets.named(&name).ok_or(Failure::NotFound)?;
    let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.content.clone()).into_response())
}
