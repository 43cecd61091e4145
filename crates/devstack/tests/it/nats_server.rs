//! nats-server as a service.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream;
use devstack::{FolderInUse, NatsServer, NatsServerAddress, PortInUse, Sources, Tool, find};
use service::{Running, launch};
use tempfile::tempdir;

async fn nats_server(data: &Path) -> NatsServer {
    let tool = Tool::NATS_SERVER;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    NatsServer::on_free_ports(binary, data.to_owned())
}

async fn start(server: NatsServer) -> (Running<NatsServerAddress>, NatsServerAddress) {
    let mut running = launch("nats-server", server).start();
    let address = running.ready().await.unwrap();
    (running, address)
}

async fn error_of(server: NatsServer) -> service::Error {
    launch("nats-server", server).start().ready().await.unwrap_err()
}

#[tokio::test]
async fn ready_means_that_clients_and_monitoring_are_answered() {
    let data = tempdir().unwrap();
    let (running, address) = start(nats_server(data.path()).await).await;
    let client = async_nats::connect(&address.url).await.unwrap();
    assert!(client.server_info().jetstream);
    let monitoring = address.monitoring.strip_prefix("http://").unwrap();
    tokio::net::TcpStream::connect(monitoring).await.unwrap();
    running.stop().await.result.unwrap();
    assert!(tokio::net::TcpStream::connect(monitoring).await.is_err());
    assert!(!Path::new(&format!("/proc/{}", address.pid)).exists(), "the process is still there");
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let data = tempdir().unwrap();
    let (running, address) = start(nats_server(data.path()).await).await;
    let context = jetstream::new(async_nats::connect(&address.url).await.unwrap());
    let config =
        jetstream::stream::Config { name: "kept".to_owned(), subjects: vec!["kept".to_owned()], ..Default::default() };
    context.create_stream(config).await.unwrap();
    context.publish("kept", "a".into()).await.unwrap().await.unwrap();
    running.stop().await.result.unwrap();

    let (running, address) = start(nats_server(data.path()).await).await;
    let context = jetstream::new(async_nats::connect(&address.url).await.unwrap());
    let mut stream = context.get_stream("kept").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
    running.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_data_folder_in_use_is_refused_and_free_again_after_the_stop() {
    let data = tempdir().unwrap();
    let (running, _) = start(nats_server(data.path()).await).await;
    let error = error_of(nats_server(data.path()).await).await;
    let text = format!("{error:#}");
    assert!(text.contains(&format!("is in use by process {}", std::process::id())), "{text}");
    assert!(text.contains("stop that one first, or name another folder"), "{text}");
    assert!(error.chain().any(|cause| cause.is::<FolderInUse>()) || text.contains("in use"), "{text}");
    running.stop().await.result.unwrap();
    let (running, _) = start(nats_server(data.path()).await).await;
    running.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_busy_port_is_refused_by_its_number() {
    let data = tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port();
    let server = nats_server(data.path()).await;
    let error = error_of(NatsServer { port, ..server.clone() }).await;
    assert!(error.to_string().contains(&PortInUse { port }.to_string()), "{error}");
    let error = error_of(NatsServer { monitoring_port: port, ..server }).await;
    assert!(error.to_string().contains(&PortInUse { port }.to_string()), "{error}");
}

#[tokio::test]
async fn a_server_that_is_killed_fails_its_service_and_says_where_its_log_is() {
    let data = tempdir().unwrap();
    let (mut running, address) = start(nats_server(data.path()).await).await;
    let pid = nix::unistd::Pid::from_raw(address.pid.try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let outcome = tokio::time::timeout(Duration::from_secs(10), running.ended()).await.unwrap();
    let error = outcome.result.unwrap_err().to_string();
    let log = data.path().canonicalize().unwrap().join("nats-server.log");
    let expected = format!("nats-server: the server ended (signal: 9 (SIGKILL)): its log is {}", log.display());
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_server_that_cannot_start_fails_with_its_own_reason() {
    let data = tempdir().unwrap();
    let server = nats_server(data.path()).await;
    let config = |text: &str| {
        let file = data.path().join("nats.conf");
        std::fs::write(&file, text).unwrap();
        Some(file)
    };
    // It prints this one, and logs the next.
    let error = error_of(NatsServer { config: config("nonsense {"), ..server.clone() }).await.to_string();
    assert!(error.contains("the server ended (exit status: 1): nats-server: Parse error on line 1"), "{error}");
    let store = "jetstream { store_dir: /proc/nowhere }";
    let error = error_of(NatsServer { config: config(store), ..server.clone() }).await.to_string();
    assert!(error.contains("the server ended (exit status: 1): Can't start JetStream: "), "{error}");
    let error = error_of(NatsServer { binary: "/no/such/nats-server".into(), ..server.clone() }).await.to_string();
    assert!(
        error.contains("the server ended (exit status: 127): ") && error.contains("/no/such/nats-server"),
        "{error}"
    );

    let damaged = data.path().join("damaged");
    std::fs::write(&damaged, "#!/bin/sh\nkill -SEGV $$\n").unwrap();
    std::fs::set_permissions(&damaged, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = error_of(NatsServer { binary: damaged.clone(), ..server }).await.to_string();
    let advice = format!("its binary may be damaged: delete {} and start again", damaged.display());
    assert!(error.contains("(signal: 11 (SIGSEGV)") && error.contains(&advice), "{error}");
}

#[tokio::test]
async fn any_name_of_the_data_folder_will_do() {
    let data = tempdir().unwrap();
    for name in [&b"with a blank"[..], b"$HOME 'quoted'", b"no utf-8 \xff"] {
        let folder = data.path().join(OsStr::from_bytes(name));
        let (running, address) = start(nats_server(&folder).await).await;
        async_nats::connect(&address.url).await.unwrap();
        running.stop().await.result.unwrap();
        assert!(folder.join("nats-server.log").is_file(), "{}", folder.display());
    }
}
