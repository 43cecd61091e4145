//! The number gateway and its number server.

use std::net::SocketAddr;

use cluster::ClusterSettings;
use gateway::NumberGateway;
use hub::HubSettings;
use numbers::{NumberServer, Numbers, Source};
use service::settings::Sections;
use service::{Running, State, launch};
use testkit::{Api, free_port, settings, until};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

/// A number server with this many numbers a minute.
async fn number_server(port: u16, rate: &str) -> Running<SocketAddr> {
    let environment = [("NUMBERS__BIND", &*format!("127.0.0.1:{port}")), ("NUMBERS__RATE_PER_MINUTE", rate)];
    let settings = settings(Sections::new().with::<Numbers>(), &environment);
    let mut running = launch("number-server", NumberServer).settings(settings).start();
    running.ready().await.unwrap();
    running
}

async fn gateway(numbers: u16) -> (Running<SocketAddr>, SocketAddr) {
    let server = format!("127.0.0.1:{numbers}");
    let environment = [("HUB__BIND", "127.0.0.1:0"), ("HUB__KEEP_ALIVE_SECONDS", "1"), ("SOURCE__SERVER", &server)];
    let settings =
        settings(Sections::new().with::<HubSettings>().with::<ClusterSettings>().with::<Source>(), &environment);
    let mut running = launch("number-gateway", NumberGateway).settings(settings).start();
    let address = running.ready().await.unwrap();
    (running, address)
}

/// Reads a stream over HTTP/1.0, which has no chunks.
async fn read(address: SocketAddr, path: &str) -> Lines<BufReader<TcpStream>> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut lines = BufReader::new(socket).lines();
    assert!(lines.next_line().await.unwrap().unwrap().ends_with(" 200 OK"));
    while !lines.next_line().await.unwrap().unwrap().is_empty() {}
    lines
}

async fn line(lines: &mut Lines<BufReader<TcpStream>>) -> String {
    tokio::time::timeout(testkit::LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap()
}

async fn number(lines: &mut Lines<BufReader<TcpStream>>) -> u8 {
    loop {
        let line = line(lines).await;
        if !line.is_empty() {
            return line.parse().unwrap();
        }
    }
}

#[tokio::test]
async fn numbers_come_out_as_they_came_in_and_the_same_for_all_and_nobody_else_publishes_there() {
    let port = free_port();
    let server = number_server(port, "6000").await;
    let (running, address) = gateway(port).await;
    let (mut first, mut second) = (read(address, "/numbers").await, read(address, "/numbers").await);
    assert_eq!(line(&mut first).await, "", "the keep-alive at the beginning");
    let mut earlier = Vec::new();
    for _ in 0..100 {
        earlier.push(number(&mut first).await);
    }
    assert!(earlier.iter().all(|number| *number <= 10));
    let mut later = Vec::new();
    for _ in 0..100 {
        later.push(number(&mut second).await);
    }
    let is_inside = earlier.windows(80).any(|window| later.windows(80).any(|other| window == other));
    assert!(is_inside, "both readers get the same numbers: {earlier:?} {later:?}");
    let refused = Api { address }.request("POST", "/numbers", "", b"7").await;
    assert_eq!((refused.status, &refused.body[..]), (403, "only the program itself publishes to /numbers\n"));
    assert_eq!(Api { address }.request("POST", "/others", "", b"7").await.status, 200);
    running.stop().await.result.unwrap();
    server.stop().await.result.unwrap();
}

#[tokio::test]
async fn without_its_number_server_a_gateway_is_ready_and_its_streams_stay_and_the_numbers_resume() {
    let port = free_port();
    let (running, address) = gateway(port).await;
    let mut reader = read(address, "/numbers").await;
    for _ in 0..2 {
        let server = number_server(port, "6000").await;
        for _ in 0..10 {
            number(&mut reader).await;
        }
        server.stop().await.result.unwrap();
        until("it starts the client again", || async {
            running.tree().statuses().iter().any(|status| status.state == State::Restarting && status.is_optional)
        })
        .await;
        assert!(running.tree().not_ready(&[]).is_empty());
        while !line(&mut reader).await.is_empty() {} // what was in flight, and then a keep-alive
        assert_eq!(line(&mut reader).await, "", "no number comes from nowhere");
    }
    running.stop().await.result.unwrap();
}
