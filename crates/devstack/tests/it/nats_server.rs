//! nats-server as a service.

use std::net::TcpListener;
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
async fn a_server_that_is_killed_fails_its_service_with_the_end_of_its_log() {
    let data = tempdir().unwrap();
    let (mut running, address) = start(nats_server(data.path()).await).await;
    let pid = nix::unistd::Pid::from_raw(address.pid.try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let outcome = tokio::time::timeout(Duration::from_secs(10), running.ended()).await.unwrap();
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("the server ended (signal: 9 (SIGKILL))"), "{error}");
    assert!(error.contains("Server is ready"), "{error}");
}
