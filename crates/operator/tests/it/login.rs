//! The login at the broker, which is printed nowhere.

use testkit::Broker;

use crate::program::{Ended, operator, run};

fn assert_hidden(ended: &Ended) {
    let Ended { stdout, stderr, .. } = ended;
    assert!(!stdout.contains("hidden") && !stderr.contains("hidden"), "{ended:?}");
}

#[tokio::test]
async fn a_login_is_in_no_log_however_much_is_logged() {
    let config = "jetstream { store_dir: /data }\nauthorization { user: me, password: \"hidden@1\" }";
    let broker = Broker::with(config).await;
    let host = broker.url().strip_prefix("nats://").unwrap();
    for login in ["me:hidden@1", "me:%68idden%401", "me:hidden", "hidden"] {
        let mut command = operator(&["ls", "--nats-url", &format!("nats://{login}@{host}")]);
        command.env("RUST_LOG", "trace");
        let ended = tokio::task::spawn_blocking(|| run(command)).await.unwrap();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("attempting connection"), "{}", ended.stderr);
        assert_hidden(&ended);
        assert!(!ended.stderr.contains("%68idden"), "{}", ended.stderr);
    }
    broker.stop().await;
}

#[test]
fn a_refused_url_is_not_repeated_by_the_command_line_and_not_shown_by_the_help() {
    for refused in ["nats://me:hidden@localhost:99999", "http://hidden@localhost", "nats://me:hid\nhidden@localhost"] {
        let mut from_environment = operator(&["ls"]);
        from_environment.env("NATS_URL", refused);
        for command in [operator(&["ls", "--nats-url", refused]), from_environment] {
            let ended = run(command);
            assert_hidden(&ended);
            let stderr = ended.failed(2);
            let expected = "error: invalid value for '--nats-url <URL>': not the URL of a NATS server (";
            assert!(stderr.starts_with(expected), "{stderr}");
        }
        let mut help = operator(&["ls", "--help"]);
        help.env("NATS_URL", refused);
        assert_hidden(&run(help));
    }
}
