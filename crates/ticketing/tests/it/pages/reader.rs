//! Somebody who reads pages and sends their forms.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use testkit::{Answer, Api, until};

use crate::process::Program;

/// Somebody who reads pages, with a session or without.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) api: Api,
    /// The cookie; empty for somebody who is not signed in.
    pub(super) session: String,
}

impl Reader {
    pub(super) fn of(program: &Program) -> Self {
        Self { api: Api { address: program.api() }, session: String::new() }
    }

    /// Somebody who has signed up with the form.
    pub(super) async fn signed_up(program: &Program, name: &str) -> Self {
        let mut reader = Self::of(program);
        let email = format!("{name}@example.com");
        let form = [("email", &*email), ("password", "a good password")];
        let answer = reader.post("/auth/signup", &form).await;
        assert_eq!((answer.status, &*answer.headers["location"]), (303, "/"), "{answer:?}");
        reader.session = answer.cookie();
        reader
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.api.get(path, &self.session).await
    }

    /// The page, which is there.
    pub(super) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, form, "").await
    }

    /// Sends a form with more headers, each with its line's end.
    pub(super) async fn post_with(&self, path: &str, form: &[(&str, &str)], headers: &str) -> Answer {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let fields: Vec<_> = form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let kind = "content-type: application/x-www-form-urlencoded";
        let headers = format!("{kind}\r\ncookie: {}\r\n{headers}", self.session);
        self.api.request("POST", path, &headers, fields.join("&").as_bytes()).await
    }

    /// Sends a form, and returns the path of the page that it leads to.
    pub(super) async fn goes(&self, path: &str, form: &[(&str, &str)]) -> String {
        let answer = self.post(path, form).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        answer.headers["location"].clone()
    }

    /// Waits until the page contains the text.
    pub(super) async fn sees(&self, path: &str, text: &str) {
        until(text, || async { self.get(path).await.body.contains(text) }).await;
    }
}
