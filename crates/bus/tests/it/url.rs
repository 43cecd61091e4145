//! The address of the broker.

use bus::ServerUrl;

#[test]
fn an_invalid_server_url_says_what_a_valid_one_looks_like() {
    for text in [
        "",
        " ",
        "nats://",
        "nats://:4222",
        "nats://localhost:4222,",
        "http://localhost:4222",
        "nats://local host",
        "nats://localhost\nx",
        "nats://local\thost",
        "nats://localhost:99999",
        "nats://[::1",
    ] {
        let error = text.parse::<ServerUrl>().unwrap_err().to_string();
        assert!(error.ends_with("it looks like nats://localhost:4222"), "{text}: {error}");
    }
}

#[test]
fn a_refused_url_is_not_repeated() {
    for (text, expected) in [
        ("nats://me:hidden@localhost:99999", "invalid port number"),
        ("http://me:hidden@localhost", "its scheme is not nats or tls"),
        ("nats://me:hidden@", "it has no host"),
        ("nats://me:pass,hidden@localhost", "invalid port number; a comma in a password is written as %2C"),
        ("nats://me:hid\nden@localhost", "it contains a line break or another control character"),
        ("nats://me:%FFhidden@localhost", "its login is not UTF-8 after percent-decoding"),
        ("nats://me:hidden@a,nats://me:other@b", "its servers have different logins"),
        ("nats://me:hidden@a,nats://hidden@b", "its servers have different logins"),
    ] {
        let Err(error) = text.parse::<ServerUrl>() else { panic!("{text}") };
        let error = error.to_string();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(["hid", "pass,", "%FF", "me:"].iter().all(|part| !error.contains(part)), "{error}");
    }
}

#[test]
fn a_url_is_printed_with_its_ports_and_without_its_login() {
    for (text, expected) in [
        ("localhost", "nats://localhost:4222"),
        ("nats://me:secret@localhost", "nats://localhost:4222"),
        ("me:secret@localhost:4223", "nats://localhost:4223"),
        ("nats://token@localhost/", "nats://localhost:4222"),
        ("nats://a@b:c@d/e#f?g@localhost", "nats://localhost:4222"),
        ("nats://me:secret@one,nats://two:4223", "nats://one:4222,nats://two:4223"),
        ("nats://me:secret@one, tls://me:secret@two", "nats://one:4222,tls://two:4222"),
        ("nats://me:secret@[::1]:4222,[fe80::2]", "nats://[::1]:4222,nats://[fe80::2]:4222"),
        (" nats://localhost:4222\n", "nats://localhost:4222"),
        ("\r\nnats://me:secret@localhost\t\n", "nats://localhost:4222"),
    ] {
        let url: ServerUrl = text.parse().unwrap();
        assert_eq!((url.to_string(), format!("{url:?}")), (expected.to_owned(), expected.to_owned()), "{text}");
        assert_eq!(url.as_str(), text.trim());
    }
}
