//! Who sends a request, as the proxies in between say.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use common::extract::Client;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client's address, whether its request came over https, and the addresses that are passed on.
fn client(peer: &str, headers: &[(HeaderName, &'static str)], trusted: &str) -> (String, bool, String) {
    let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
    let client = Client::of(peer.parse().expect("an address"), &headers.collect(), &trusted.parse().expect("ranges"));
    let mut passed_on = HeaderMap::new();
    client.pass_on(&mut passed_on);
    let way = passed_on[FORWARDED_FOR].to_str().expect("a text").to_owned();
    (client.address.to_string(), client.is_https, way)
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let said = [(FORWARDED_FOR, "1.2.3.4"), (FORWARDED_PROTO, "https")];
    for trusted in ["", "10.0.0.1", "127.0.0.0/8,::1/128"] {
        assert_eq!(client("10.0.0.2", &said, trusted), ("10.0.0.2".to_owned(), false, "10.0.0.2".to_owned()));
    }
    for (peer, trusted) in [("10.0.0.2", "10.0.0.2"), ("10.0.0.2", "10.0.0.0/8"), ("fd00::2", "fd00::/8")] {
        assert_eq!(client(peer, &said, trusted), ("1.2.3.4".to_owned(), true, format!("1.2.3.4, {peer}")));
    }
    let mapped = client("::ffff:10.0.0.2", &said, "10.0.0.0/8");
    assert_eq!(mapped, ("1.2.3.4".to_owned(), true, "1.2.3.4, 10.0.0.2".to_owned()));
}

#[test]
fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
    let cases: [(&[&'static str], &str); 9] = [
        (&[], "10.0.0.1"),
        (&["1.2.3.4"], "1.2.3.4"),
        (&["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (&["6.6.6.6, 1.2.3.4,10.0.0.3 , 10.0.0.2"], "1.2.3.4"),
        (&["6.6.6.6", "1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&["1.2.3.4:5678, 10.0.0.2"], "1.2.3.4"),
        (&["[2001:db8::1]:80"], "2001:db8::1"),
        (&["1.2.3.4, unknown, 10.0.0.2"], "10.0.0.2"),
    ];
    for (lines, address) in cases {
        let said: Vec<_> = lines.iter().map(|line| (FORWARDED_FOR, *line)).collect();
        assert_eq!(client("10.0.0.1", &said, "10.0.0.0/8").0, address, "{lines:?}");
    }
}

#[test]
fn a_request_came_over_https_if_the_first_of_the_proxies_says_so() {
    for (said, is_https) in [("https", true), ("HTTPS , http", true), ("http, https", false), ("", false)] {
        assert_eq!(client("127.0.0.1", &[(FORWARDED_PROTO, said)], "127.0.0.1").1, is_https, "{said}");
    }
}

#[test]
fn what_is_passed_on_replaces_what_was_said() {
    let said: HeaderMap = [(FORWARDED_FOR, "1.2.3.4"), (FORWARDED_PROTO, "https"), (FORWARDED_FOR, "10.0.0.2")]
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .into_iter()
        .collect();
    for (trusted, way, scheme) in [("10.0.0.0/8", "1.2.3.4, 10.0.0.2, 10.0.0.1", "https"), ("", "10.0.0.1", "http")] {
        let mut headers = said.clone();
        let client = Client::of("10.0.0.1".parse().unwrap(), &said, &trusted.parse().unwrap());
        client.pass_on(&mut headers);
        assert_eq!(headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>(), [way]);
        assert_eq!(headers.get_all(FORWARDED_PROTO).iter().collect::<Vec<_>>(), [scheme]);
    }
}
