//! The end of a program.

use std::process::Command;

use nix::sys::signal::Signal;
use testkit::{Process, Reading, WebSocket, free_port, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_every_stream_and_websocket_as_its_protocol_demands() {
    let (folder, address) = (tempfile::tempdir().unwrap(), format!("127.0.0.1:{}", free_port()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
    command.args(["--rundir", folder.path().to_str().unwrap(), "--set", &format!("hub.bind={address}")]);
    let mut program = Process::start(command);
    let address = address.parse().unwrap();
    until("it listens", || async { tokio::net::TcpStream::connect(address).await.is_ok() }).await;
    let (mut streams, mut events, mut websockets) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..50 {
        streams.push(Reading::open(address, "/pycon").await);
        streams.push(Reading::open(address, "/pycon?view=tail").await);
        events.push(Reading::open(address, "/pycon?format=sse").await);
        websockets.push(WebSocket::open(address, "/pycon").await);
    }
    program.signal(Signal::SIGTERM);
    for stream in streams {
        assert!(stream.rest().await.1, "the last chunk comes");
    }
    let mut pauses = Vec::new();
    for stream in events {
        let (text, is_whole) = stream.rest().await;
        assert!(is_whole, "the last chunk comes");
        let retry = text.trim_end().rsplit_once("retry: ").unwrap().1;
        pauses.push(retry.parse::<u32>().unwrap());
    }
    pauses.sort_unstable();
    assert!(pauses[0] >= 500 && pauses[49] <= 5000 && pauses[49] - pauses[0] > 1000, "they return spread: {pauses:?}");
    for mut websocket in websockets {
        assert_eq!(websocket.code().await, Some(1001));
    }
    assert_eq!(program.ended().await.code(), Some(0), "{}", program.stderr());
}
