//! Servers that are not usable collectors.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use futures_util::future::join_all;
use testkit::{Api, Database, KEY, ServiceProgram, until};

/// What it does with a connection, once it has seen the beginning of a request.
type Broken = fn(TcpStream);

const BROKEN: [(&str, Broken); 5] = [
    ("goes away", drop),
    ("is silent", |mut stream| while stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}),
    ("talks nonsense", |mut stream| drop(stream.write_all(b"\x00\xffnonsense\r\n\r\n"))),
    ("refuses", |mut stream| {
        drop(stream.write_all(b"HTTP/1.1 503 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n"));
    }),
    ("never ends", |mut stream| {
        let mut written = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while written.is_ok() {
            written = stream.write_all(b"5\r\nabcde\r\n");
        }
    }),
];

fn listen(broken: Broken) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || stream.read(&mut [0; 1024]).map(|_| broken(stream)));
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_collector_neither_slows_nor_stops_a_service_and_is_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    let away = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let broken = BROKEN.map(|(what, broken)| (what, listen(broken)));
    let trials = broken.into_iter().chain([("is away", away)]).map(async |(what, collector)| {
        let database = Database::new();
        let endpoint = format!("http://{collector}");
        let environment = [
            ("JWT_KEY", KEY),
            ("MONGO_URI", database.uri()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ];
        let mut program = ServiceProgram::start("auth", &environment, &folder.path().join(what), None);
        let api = Api { address: program.address };
        let asked =
            async || api.try_raw(b"GET /api/users/currentuser HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        until("it answers", || async { asked().await.is_some() }).await;
        for _ in 0..200 {
            assert_eq!(asked().await.unwrap().status, 200, "the collector {what}");
        }
        let lines = || program.log().lines().filter(|line| line.contains(&endpoint)).count();
        if what != "is silent" {
            until("the warning", || std::future::ready(lines() > 0)).await; // that takes ten seconds
        }
        assert!(lines() <= 1, "the collector {what}: {}", program.log());
        assert_eq!(program.terminate().await, Some(0), "the collector {what}: {}", program.log());
    });
    join_all(trials).await;
}
