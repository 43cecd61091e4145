//! The headers of pages, and the files that pages refer to.

use testkit::Api;

use super::reader::Reader;
use crate::process::Program;

#[tokio::test]
async fn every_answer_has_a_strict_policy_and_nothing_comes_from_another_origin() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let reader = Reader::signed_up(&program, "seller").await;
    let ticket = reader.goes("/tickets/new", &[("title", "concert"), ("price", "20")]).await;
    let order = reader.goes(&format!("{ticket}/purchase"), &[]).await;
    for path in ["/", "/auth/signup", "/tickets/new", "/tickets/mine", &ticket, "/orders", &order, "/nowhere"] {
        let answer = reader.get(path).await;
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        let is_elsewhere = |attribute: &str| answer.body.contains(&format!("{attribute}=\"http"));
        assert!(!is_elsewhere("src") && !is_elsewhere("href") && !is_elsewhere("action"), "{}", answer.body);
        assert!(!answer.body.contains("<style") && !answer.body.contains(" style="), "{}", answer.body);
    }
    let answer = reader.post("/tickets/new", &[("title", "")]).await;
    assert_eq!((answer.status, &*answer.headers["cache-control"]), (400, "private, no-cache"), "one can go back to it");
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn with_a_publishable_key_the_order_page_alone_may_use_stripe() {
    let data = tempfile::tempdir().unwrap();
    let mut command = crate::process::ticketing();
    command.args(["--free-ports", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    command.env("STRIPE_PUBLISHABLE_KEY", "pk_test_1");
    let mut program = Program::of(command);
    program.wait_until_ready();
    let reader = Reader::signed_up(&program, "seller").await;
    let ticket = reader.goes("/tickets/new", &[("title", "concert"), ("price", "20")]).await;
    let order = reader.goes(&format!("{ticket}/purchase"), &[]).await;
    let page = reader.get(&order).await;
    assert!(page.headers["content-security-policy"].contains("https://js.stripe.com"), "{page:?}");
    assert!(page.body.contains(r#"data-key="pk_test_1""#) && !page.body.contains("tok_visa"), "{page:?}");
    assert!(page.body.contains("<noscript><p>Paying with a card of your own needs JavaScript"), "{page:?}");
    assert!(!reader.get(&ticket).await.headers["content-security-policy"].contains("stripe"));
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn whoever_comes_by_https_gets_a_secure_cookie_also_through_client_and_ingress() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let reader = Reader::of(&program);
    for (scheme, is_secure) in [("https", true), ("http", false)] {
        let email = format!("{scheme}@example.com");
        let form = [("email", &*email), ("password", "a good password")];
        let answer = reader.post_with("/auth/signup", &form, &format!("x-forwarded-proto: {scheme}\r\n")).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(answer.headers["set-cookie"].contains("; secure;"), is_secure, "{answer:?}");
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn a_file_may_be_kept_for_ever_and_its_name_changes_with_it() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let reader = Reader::of(&program);
    for file in files(&reader.page("/").await) {
        let answer = reader.get(&file).await;
        assert_eq!((answer.status, &*answer.headers["cache-control"]), (200, "public, max-age=31536000, immutable"));
    }
    assert_eq!(reader.get("/assets/site-000000000000.css").await.status, 404);
    let api = Api { address: program.api() };
    assert_eq!(api.get("/api/nowhere", "").await.body, r#"{"errors":[{"message":"Not Found"}]}"#);
    assert_eq!(program.interrupt(), Some(0));
}

/// The paths of the files that a page refers to.
pub(super) fn files(page: &str) -> Vec<String> {
    let mut files: Vec<_> = page.split('"').filter(|text| text.starts_with("/assets/")).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    assert!(files.len() >= 3, "{page}");
    files
}
