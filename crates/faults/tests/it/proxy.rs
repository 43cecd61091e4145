//! What the proxy does to a connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use faults::proxy::{Network, Proxy};
use testkit::{LIMIT, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// A connection through a proxy.
struct Connected {
    proxy: Proxy,
    client: TcpStream,
    server: TcpStream,
    _listener: TcpListener,
}

async fn connected() -> Connected {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await;
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    Connected { proxy, client, server, _listener: listener }
}

async fn read(from: &mut TcpStream, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    timeout(LIMIT, from.read_exact(&mut bytes)).await.expect("the bytes in time").unwrap();
    bytes
}

#[tokio::test]
async fn a_delay_adds_latency_to_every_byte_and_does_not_limit_the_throughput() {
    let Connected { proxy, mut client, mut server, _listener } = connected().await;
    let delay = Duration::from_millis(400);
    proxy.set(Network::Delayed(delay));
    // 1024 chunks: one after the other, their delays would add up to almost seven minutes, far above the deadline.
    let sent: Vec<u8> = (0..4 * 1024 * 1024_u32).map(|number| (number % 251) as u8).collect();
    let began = Instant::now();
    let (mut out, bytes) = (client.split().1, sent.clone());
    let send = async { out.write_all(&bytes).await.unwrap() };
    let receive = async {
        let first = read(&mut server, 1).await;
        assert!(began.elapsed() >= delay, "the first byte came after {:?}", began.elapsed());
        [first, read(&mut server, sent.len() - 1).await].concat()
    };
    let ((), received) = tokio::join!(send, receive);
    assert!(received == sent, "the bytes differ or are out of order");

    // The other direction is delayed too, and the latency is that of one delay again.
    let began = Instant::now();
    server.write_all(b"answer").await.unwrap();
    assert_eq!(read(&mut client, 6).await, b"answer");
    assert!(began.elapsed() >= delay, "the answer came after {:?}", began.elapsed());
}

#[tokio::test]
async fn a_half_open_network_delivers_nothing_until_it_ends_and_loses_nothing() {
    let Connected { proxy, mut client, mut server, _listener } = connected().await;
    proxy.set(Network::HalfOpen);
    client.write_all(b"kept").await.unwrap();
    let arrives = timeout(Duration::from_millis(300), server.read(&mut [0; 8])).await;
    assert!(arrives.is_err(), "something arrived");
    proxy.set(Network::Fine);
    assert_eq!(read(&mut server, 4).await, b"kept");
}

#[tokio::test]
async fn a_cut_closes_connections_and_refuses_new_ones_until_it_ends() {
    let Connected { proxy, mut client, server: _server, _listener } = connected().await;
    proxy.set(Network::Cut);
    let closed = timeout(LIMIT, client.read(&mut [0; 8])).await.expect("the end in time");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
    let closed = timeout(LIMIT, refused.read(&mut [0; 8])).await.expect("the end in time");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    proxy.set(Network::Fine);
    until("a new connection stays open", || async {
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        timeout(Duration::from_millis(100), client.read(&mut [0; 8])).await.is_err()
    })
    .await;
}
