//! Ports for servers that must be told theirs.

use std::net::{Ipv4Addr, TcpListener};

/// Below those that the system hands out by itself, which somebody else may get before the server does, or while it is
/// being started again.
const THESE: std::ops::Range<u16> = 10_000..32_000;

/// A port that nobody has.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(THESE);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
