//! Forms that are refused, and who may send them.

use super::reader::Reader;
use crate::process::Program;

#[tokio::test]
async fn a_form_that_is_refused_comes_back_with_what_was_written_and_links_to_what_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let reader = Reader::of(&program);
    let answer = reader.post("/auth/signup", &[("email", "<nobody>"), ("password", "secret7")]).await;
    assert_eq!(answer.status, 400);
    for part in [
        r##"<a href="#email">Email must be valid</a>"##,
        r##"<a href="#password">Password must be between 8 and 128 characters</a>"##,
        r#"value="&#60;nobody&#62;""#,
        r#"aria-invalid="true" aria-describedby="email-problem""#,
        r#"role="alert""#,
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    assert!(!answer.body.contains("secret7"), "{}", answer.body);
    let form = [("email", "somebody@example.com"), ("password", "not their password")];
    let answer = reader.post("/auth/signin", &form).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("<li>Invalid credentials</li>"), "{}", answer.body);

    let seller = Reader::signed_up(&program, "seller").await;
    let ticket = seller.goes("/tickets/new", &[("title", "concert"), ("price", "20")]).await;
    for path in ["/tickets/new", &format!("{ticket}/edit")] {
        let answer = seller.post(path, &[("title", "  "), ("price", "12,50")]).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains(r##"<a href="#title">Title is required</a>"##), "{}", answer.body);
        assert!(answer.body.contains(r##"href="#price""##) && answer.body.contains(r#"value="12,50""#));
        for (title, price, problem) in [
            ("concert", "20,00", "Price must be a number with a decimal point, such as 20 or 19.99"),
            ("concert", "$20", "Price must be a number with a decimal point, such as 20 or 19.99"),
            ("concert", "", "must be greater than 0"),
            ("\u{200b}\u{202e}", "20", "Title must contain a visible character"),
            ("\u{2800}", "20", "Title must contain a visible character"),
        ] {
            let answer = seller.post(path, &[("title", title), ("price", price)]).await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.body.contains(problem), "{title:?} for {price:?}: {}", answer.body);
        }
    }
    // A keyboard that adds a blank after a word does it here, too.
    let answer = seller.post(&format!("{ticket}/edit"), &[("title", "concert "), ("price", "20.00 ")]).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(seller.page(&ticket).await.contains("$20.00"));
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn who_must_sign_in_comes_back_afterwards_and_never_to_another_site() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let seller = Reader::signed_up(&program, "seller").await;
    let ticket = seller.goes("/tickets/new", &[("title", "concert"), ("price", "20")]).await;
    let nobody = Reader::of(&program);
    for path in ["/orders", "/tickets/mine", "/tickets/new", &format!("{ticket}/edit")] {
        let answer = nobody.get(path).await;
        let goal = path.replace('/', "%2F");
        assert_eq!((answer.status, &answer.headers["location"]), (303, &format!("/auth/signin?next={goal}")));
    }
    let answer = nobody.post(&format!("{ticket}/purchase"), &[]).await;
    assert_eq!(answer.status, 303);
    let form = nobody.page(&answer.headers["location"]).await;
    assert!(form.contains(&format!(r#"name="next" value="{ticket}/purchase""#)), "{form}");
    let login = |next| [("email", "seller@example.com"), ("password", "a good password"), ("next", next)];
    let purchase = format!("{ticket}/purchase");
    assert_eq!(nobody.goes("/auth/signin", &login(&purchase)).await, purchase);
    assert_eq!(seller.get(&purchase).await.headers["location"], ticket);
    for elsewhere in ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"] {
        assert_eq!(nobody.goes("/auth/signin", &login(elsewhere)).await, "/");
        let page = nobody.page(&format!("/auth/signin?next={}", elsewhere.replace('\\', "%5C"))).await;
        assert!(page.contains(r#"name="next" value="/""#), "{page}");
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn a_ticket_that_its_reader_has_reserved_or_bought_leads_to_their_order() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let seller = Reader::signed_up(&program, "seller").await;
    let buyer = Reader::signed_up(&program, "buyer").await;
    let ticket = seller.goes("/tickets/new", &[("title", "concert"), ("price", "20")]).await;
    let order = buyer.goes(&format!("{ticket}/purchase"), &[]).await;
    let link = |did: &str| format!(r#"You have {did} this ticket: <a href="{order}">see your order</a>"#);
    // At once: the ticket may not say yet that it is reserved.
    let again = buyer.post(&format!("{ticket}/purchase"), &[]).await;
    assert_eq!(again.status, 400, "{again:?}");
    assert!(again.body.contains("Ticket is already reserved"), "{}", again.body);
    assert!(again.body.contains(&link("reserved")) && !again.body.contains("id=\"purchase\""), "{}", again.body);
    buyer.sees(&ticket, &link("reserved")).await;
    let other = Reader::signed_up(&program, "other").await;
    let refused = other.post(&format!("{ticket}/purchase"), &[]).await;
    assert!(refused.body.contains("Ticket is already reserved"), "{}", refused.body);
    for page in [refused.body, other.page(&ticket).await, Reader::of(&program).page(&ticket).await] {
        assert!(page.contains("Somebody has reserved it.") && !page.contains(&*order), "{page}");
    }
    assert_eq!(buyer.goes(&format!("{order}/pay"), &[("token", "tok_visa")]).await, order);
    buyer.sees(&ticket, &link("bought")).await;
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn a_path_with_a_slash_at_its_end_or_in_another_case_is_the_same_page() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let seller = Reader::signed_up(&program, "seller").await;
    let ticket = seller.goes("/tickets/new/", &[("title", "concert"), ("price", "20")]).await;
    let order = seller.goes(&format!("{ticket}/purchase/"), &[]).await;
    for (path, part) in [
        ("/orders/".to_owned(), "<h1>My orders</h1>"),
        ("/Orders".to_owned(), "<h1>My orders</h1>"),
        ("/orders/?after=000000000000000000000000".to_owned(), "<h1>My orders</h1>"),
        ("/tickets/mine/".to_owned(), "<h1>My tickets</h1>"),
        ("/tickets/new/".to_owned(), "<h1>Sell a ticket</h1>"),
        (format!("{ticket}/"), "concert"),
        (format!("{order}/"), "Waiting for payment"),
    ] {
        let page = seller.page(&path).await;
        assert!(page.contains(part), "{path}: {page}");
    }
    let nobody = Reader::of(&program);
    assert!(nobody.page("/auth/signin/").await.contains("Sign in"));
    assert_eq!(nobody.get("/orders/").await.headers["location"], "/auth/signin?next=%2Forders");
    for nowhere in ["/orders//", "//evil.example/", "/nowhere/"] {
        assert_eq!(nobody.get(nowhere).await.status, 404, "{nowhere}");
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn what_belongs_to_another_and_what_another_site_sends_is_refused_with_a_page() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let seller = Reader::signed_up(&program, "seller").await;
    let buyer = Reader::signed_up(&program, "buyer").await;
    let ticket = seller.goes("/tickets/new", &[("title", "concert"), ("price", "20")]).await;
    let order = buyer.goes(&format!("{ticket}/purchase"), &[]).await;
    for (reader, path) in [(&seller, order.clone()), (&buyer, format!("{ticket}/edit"))] {
        let answer = reader.get(&path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.body.contains("This is somebody else&#39;s"), "{}", answer.body);
    }
    for origin in ["sec-fetch-site: cross-site\r\n", "origin: https://evil.example\r\n"] {
        for path in [format!("{order}/cancel"), format!("{order}/pay"), "/auth/signout".to_owned()] {
            let answer = buyer.post_with(&path, &[("token", "tok_visa")], origin).await;
            assert_eq!(answer.status, 403, "{path}: {answer:?}");
            assert!(answer.body.contains("This request came from a page of another site."), "{}", answer.body);
        }
    }
    assert!(buyer.page(&order).await.contains("Waiting for payment"));
    let ours = format!("origin: http://{}\r\nsec-fetch-site: same-origin\r\n", program.api());
    assert_eq!(buyer.post_with(&format!("{order}/cancel"), &[], &ours).await.status, 303);
    let again = buyer.post("/orders/x/cancel", &[]).await;
    assert_eq!(again.status, 404);
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn of_what_makes_no_sense_every_answer_is_a_page_that_says_so() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let reader = Reader::signed_up(&program, "reader").await;
    let large = "x".repeat(200_000);
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let requests: [(&str, &str, &str, &[u8], u16); 9] = [
        ("GET", "/nowhere", "", b"", 404),
        ("GET", "/tickets/%FF%FE", "", b"", 404),
        ("GET", "/orders/000000000000000000000000", "", b"", 404),
        ("GET", "/?after=nonsense", "", b"", 400),
        ("PUT", "/tickets/new", form, b"title=x", 405),
        ("POST", "/tickets/new", "content-type: text/plain\r\n", b"title=x", 415),
        ("POST", "/tickets/new", form, large.as_bytes(), 413),
        ("POST", "/orders/000000000000000000000000/pay", form, b"token=tok_visa", 404),
        ("POST", "/auth/signin", form, b"email=%FF&password=%FF", 400),
    ];
    for (method, path, headers, body, status) in requests {
        let headers = format!("{headers}cookie: {}\r\n", reader.session);
        let answer = reader.api.request(method, path, &headers, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{method} {path}");
        assert!(answer.body.contains("<h1>") && answer.body.contains("Sign out"), "{method} {path}: {}", answer.body);
    }
    assert_eq!(program.interrupt(), Some(0));
}
