//! How much a first visit loads.

use super::headers::files;
use super::reader::Reader;
use crate::process::Program;

#[tokio::test]
async fn every_page_has_less_than_50_kilobytes_in_all() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let reader = Reader::signed_up(&program, "seller").await;
    let mut ticket = String::new();
    for number in 0..60 {
        let title = format!("concert number {number}");
        ticket = reader.goes("/tickets/new", &[("title", &title), ("price", "20")]).await;
    }
    let order = reader.goes(&format!("{ticket}/purchase"), &[]).await;
    for path in ["/", "/auth/signup", "/tickets/new", "/tickets/mine", &ticket, "/orders", &order, "/nowhere"] {
        let page = reader.get(path).await.body;
        let mut bytes = page.len();
        for file in files(&page) {
            bytes += reader.get(&file).await.body.len();
        }
        assert!(bytes < 50_000, "{path}: {bytes}");
    }
    let first = reader.page("/").await;
    let next = first.split('"').find(|text| text.starts_with("/?after=")).unwrap();
    assert_eq!(reader.page(next).await.matches("<li class=\"card\"").count(), 60 - 48 - 1);
    assert_eq!(program.interrupt(), Some(0));
}
