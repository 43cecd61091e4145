//! The services are away.

use testkit::{Api, ServiceProgram, free_port, message, until};

#[tokio::test]
async fn a_page_whose_service_is_away_says_so_and_the_client_is_ready_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let away = format!("http://127.0.0.1:{}", free_port());
    let urls = ["AUTH", "TICKETS", "ORDERS", "PAYMENTS", "LIVE"].map(|service| format!("CLIENT__{service}_URL"));
    let environment: Vec<_> = urls.iter().map(|name| (name.as_str(), away.as_str())).collect();
    let mut client = ServiceProgram::start("client", &environment, folder.path(), None);
    until("the client is ready", || client.is_ready()).await;
    let api = Api { address: client.address };
    for (path, what) in
        [("/", "The list of tickets is"), ("/orders", "Ordering is"), ("/tickets/mine", "The list of tickets is")]
    {
        let answer = api.get(path, "session=something").await;
        assert_eq!((answer.status, &*answer.headers["retry-after"]), (503, "5"), "{answer:?}");
        assert!(answer.body.contains(&format!("{what} not available at the moment.")), "{}", answer.body);
        assert!(answer.body.contains("Signing in is not available at the moment"), "{}", answer.body);
    }
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let answer = api.request("POST", "/auth/signin", form, b"email=a%40example.com&password=a+good+password").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("Signing in is not available at the moment. Please try again"), "{}", answer.body);
    assert!(answer.body.contains(r#"value="a@example.com""#), "what was written is kept: {}", answer.body);
    let answer = api.get("/auth/signin", "").await;
    assert_eq!(answer.status, 200, "what needs no service is there: {answer:?}");
    for path in ["/api", "/api/", "/api/nowhere", "/api/tickets/nowhere/at/all"] {
        api.get(path, "").await.is_error(404, &message("Not Found"));
    }
    assert_eq!(client.terminate().await, Some(0));
}
