//! Ports for servers that can't choose one themselves.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the system hands out by itself, which somebody else may get before the server does, or while it is
/// being started again.
const THESE: std::ops::Range<u16> = 10_000..32_000;

/// How many were handed out: of one process's tests, none gets the port of another one's server, which may be dead for now.
static HANDED_OUT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody has, and that nobody else in this process is given.
pub fn free_port() -> u16 {
    let count = THESE.end - THESE.start;
    // Another process begins elsewhere.
    let first = u16::try_from(std::process::id().wrapping_mul(7919) % u32::from(count)).unwrap();
    loop {
        let place = HANDED_OUT.fetch_add(1, Ordering::Relaxed) % count;
        let port = THESE.start + (first + place) % count;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
