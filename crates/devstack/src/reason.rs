//! Why a server ended, in its own words.

use serde_json::Value;

/// What mongod logs after the reason: consequences, which say nothing of it.
const CONSEQUENCES: [&str; 5] =
    ["Fatal assertion", "aborting after", "Got signal", "must exit and restart", "terminate() called"];

/// What mongod prints beside its reason: a JSON line at every start, and a stack with long lines.
const NO_REASON: [&str; 3] = ["{", "BACKTRACE:", "Frame:"];

/// The last error that a server has logged, or else printed, or else the last line that it has printed.
///
/// mongod's log is a JSON document a line, with a severity: `F` or `E` is an error. nats-server marks one with `[FTL]` or
/// `[ERR]`.
pub(crate) fn reason(logged: &str, printed: &str) -> Option<String> {
    let error =
        |lines: &str| lines.lines().rev().find_map(|line| error_of_mongod(line).or_else(|| error_of_nats_server(line)));
    let last = || {
        let mut lines = printed.lines().rev().map(str::trim).filter(|line| !line.is_empty());
        lines.find(|line| !NO_REASON.iter().any(|start| line.starts_with(start))).map(str::to_owned)
    };
    error(logged).or_else(|| error(printed)).or_else(last)
}

/// The text of a line of mongod's log, if it is an error and not only a consequence of one.
fn error_of_mongod(line: &str) -> Option<String> {
    let line: Value =
        serde_json::from_str(line).ok().filter(|line: &Value| matches!(line["s"].as_str(), Some("F" | "E")))?;
    let attributes = &line["attr"];
    // The storage engine's message is an object, which says more than the line's.
    let (error, message) = (&attributes["error"], &attributes["message"]);
    let parts = [&line["msg"], error, &error["errmsg"], message, &message["msg"], &message["error_str"]];
    let parts = parts.into_iter().filter_map(Value::as_str).map(first_line);
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    let text = parts.join(": ");
    (!CONSEQUENCES.iter().any(|consequence| text.contains(consequence))).then_some(text)
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

/// `[21480] 2026/11/26 03:37:45.392827 [FTL] text`.
fn error_of_nats_server(line: &str) -> Option<String> {
    let marked = ["[FTL] ", "[ERR] "].into_iter().find_map(|mark| line.split_once(mark));
    marked.map(|(_, text)| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn mongods_reason_is_its_last_error_that_is_no_consequence() {
        let info = r#"{"s":"I","c":"CONTROL","msg":"Frame","attr":{"frame":{"a":"5579F0884F25"}}}"#;
        let full = r#"{"s":"E","c":"WT","msg":"WiredTiger error message","attr":{"error":28,"message":{"msg":"__posix_file_write:567:handle-write","error_str":"No space left on device","error_code":28}}}"#;
        let panic = r#"{"s":"E","c":"WT","msg":"WiredTiger error message","attr":{"error":-31804,"message":{"msg":"the process must exit and restart","error_str":"WT_PANIC: WiredTiger library panic"}}}"#;
        let after = [
            r#"{"s":"F","c":"ASSERT","msg":"Fatal assertion","attr":{"msgid":50853,"line":712}}"#,
            r#"{"s":"F","c":"ASSERT","msg":"\n\n***aborting after fassert() failure\n\n"}"#,
            r#"{"s":"F","c":"CONTROL","msg":"Writing fatal message","attr":{"message":"Got signal: 6 (Aborted).\n"}}"#,
            info,
        ];
        for (line, expected) in [
            (full, "WiredTiger error message: __posix_file_write:567:handle-write: No space left on device"),
            (
                r#"{"s":"E","msg":"DBException in initAndListen, terminating","attr":{"error":"DBPathInUse: Unable to create the lock file"}}"#,
                "DBException in initAndListen, terminating: DBPathInUse: Unable to create the lock file",
            ),
            (
                r#"{"s":"F","msg":"Failed to open WiredTiger cursor","attr":{"error":{"code":8,"errmsg":"-31802: WT_ERROR"},"message":"Please read"}}"#,
                "Failed to open WiredTiger cursor: -31802: WT_ERROR: Please read",
            ),
            (
                r#"{"s":"F","msg":"Writing fatal message","attr":{"message":"DBException::toString(): FileStreamFailed\nActual exception type: x\n"}}"#,
                "Writing fatal message: DBException::toString(): FileStreamFailed",
            ),
        ] {
            let logged = [&[info, line, panic], &after[..]].concat().join("\n");
            assert_eq!(reason(&logged, "").as_deref(), Some(expected));
        }
        assert_eq!(reason(info, info), None);
        assert_eq!(reason("", "\nunrecognised option '--nope'\n\n").as_deref(), Some("unrecognised option '--nope'"));
        // A full disk cuts off the log, too.
        let cut_off = r#"{"s":"E","c":"WT","msg":"WiredTiger error message","attr":{"error":28,"messag"#;
        let printed = [
            info,
            r#"{"s":"F","c":"CONTROL","msg":"Writing to log file failed, aborting application","attr":{"files":["mongod.log"]}}"#,
            r#"BACKTRACE: {"backtrace":[{"a":"556193FCB6A4"}]}"#,
            r#"  Frame: {"a":"556193FCB6A4"}"#,
        ];
        let expected = Some("Writing to log file failed, aborting application");
        assert_eq!(reason(cut_off, &printed.join("\n")).as_deref(), expected);
        assert_eq!(reason(cut_off, &printed[2..].join("\n")), None);
    }

    #[test]
    fn nats_servers_reason_is_its_last_error() {
        let logged = "[1] 2026/11/26 03:37:45.392827 [INF] Starting nats-server\n\
                      [1] 2026/11/26 03:37:45.392827 [FTL] Can't start JetStream: read-only\n\
                      [1] 2026/11/26 03:37:45.392828 [INF] Server Exiting..";
        assert_eq!(reason(logged, "").as_deref(), Some("Can't start JetStream: read-only"));
        let printed = "nats-server: nats.conf:3: unknown field\n";
        assert_eq!(reason("", printed).as_deref(), Some("nats-server: nats.conf:3: unknown field"));
    }
}
