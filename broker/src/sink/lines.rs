//! JSON lines, in a file or on standard output.
//!
//! A batch is written and synced before its messages leave the queue. What a crash has left of an unfinished line is cut off
//! when the file is opened: its message comes again. The file is opened again on SIGHUP, so that logrotate can move it away.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{self, Sink, To};
use super::{End, Failure, Surroundings, json};
use crate::engine::Later;
use crate::limits::Limits;
use crate::store::Queued;

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file, which is made if need be; `None` is standard output.
    pub file: Option<PathBuf>,
}

config::in_file! {
    /// `[[sink.json]]`
    InFile { file: PathBuf, }
}

impl InFile {
    pub(super) fn check(self, folder: &Path, limits: &Limits) -> Result<Sink, String> {
        if self.filters.is_empty() {
            return Err("it needs `filters`".to_owned());
        }
        let file = (self.file.as_os_str() != "-").then(|| folder.join(&self.file));
        if file.as_ref().is_some_and(|file| file.is_dir() || file.file_name().is_none()) {
            return Err(format!("`file`: {} is a folder", self.file.display()));
        }
        self.common().sink(limits, To::Json(Config { file }))
    }
}

impl Config {
    pub(super) fn make(self, name: &str, _: &Surroundings) -> Box<dyn End> {
        Box::new(Lines { name: name.to_owned(), path: self.file, output: None })
    }
}

struct Lines {
    name: String,
    path: Option<PathBuf>,
    /// Not while a batch is written, and not after a failure.
    output: Option<Output>,
}

enum Output {
    /// And whether it is an ordinary file: what other kinds of files have been given cannot be taken back.
    File(File, bool),
    Standard,
}

impl End for Lines {
    fn open(&mut self) -> Later<'_, Result<(), Failure>> {
        Box::pin(async move {
            if self.output.is_some() {
                return Ok(());
            }
            let Some(path) = self.path.clone() else {
                self.output = Some(Output::Standard);
                return Ok(());
            };
            let name = self.name.clone();
            let shown = path.display().to_string();
            let opened = blocking(move || Output::open(&path, &name)).await;
            self.output = Some(opened.map_err(|error| Failure::away(format!("{shown}: {error}")))?);
            Ok(())
        })
    }

    fn deliver<'a>(&'a mut self, batch: &'a [Arc<Queued>]) -> Later<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some(output) = self.output.take() else { return Err(Failure::away("it is not open")) };
            let mut text = Vec::new();
            for queued in batch {
                json::line(queued, &mut text).map_err(Failure::away)?;
            }
            let output = blocking(move || output.write(&text)).await.map_err(Failure::away)?;
            self.output = Some(output);
            Ok(())
        })
    }

    fn hangup(&mut self) {
        self.output = None;
    }
}

impl Output {
    fn open(path: &Path, name: &str) -> io::Result<Self> {
        let is_new = !path.exists();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Ok(Self::File(file, false));
        }
        // The name of a file is in its folder. (Other systems than Unix have no call that makes it safe.)
        if is_new && cfg!(unix) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        let len = file.metadata()?.len();
        let whole = end_of_lines(&mut file, len)?;
        if whole < len {
            tracing::warn!(sink = name, "{} bytes of an unfinished line are cut off", len - whole);
            // On Windows, what is open for appending cannot be cut.
            let cut = OpenOptions::new().write(true).open(path)?;
            cut.set_len(whole)?;
            cut.sync_all()?;
        }
        Ok(Self::File(file, true))
    }

    fn write(self, text: &[u8]) -> io::Result<Self> {
        match self {
            Self::Standard => {
                let mut out = io::stdout().lock();
                out.write_all(text)?;
                out.flush()?;
                Ok(Self::Standard)
            }
            Self::File(mut file, false) => {
                file.write_all(text)?;
                file.flush()?;
                Ok(Self::File(file, false))
            }
            Self::File(mut file, true) => {
                // Others may have cut the file since, as logrotate does with `copytruncate`.
                let len = file.metadata()?.len();
                if let Err(error) = file.write_all(text).and_then(|()| file.sync_data()) {
                    // What is written of it would come twice. If it cannot be cut off, it does.
                    let _ = file.set_len(len);
                    return Err(error);
                }
                Ok(Self::File(file, true))
            }
        }
    }
}

/// Where the last line ends, of a file of that length.
fn end_of_lines(file: &mut (impl Read + Seek), len: u64) -> io::Result<u64> {
    let mut block = [0; 4096];
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let Some(part) = usize::try_from(end - start).ok().and_then(|some| block.get_mut(..some)) else {
            break;
        };
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_line_begins_behind_the_last_end_of_a_line() {
        for (text, end) in [
            ("", 0),
            ("{\"id\":", 0),
            ("{}\n", 3),
            ("{}\n{\"", 3),
            (&*format!("{}\n{}", "a".repeat(5000), "b".repeat(9000)), 5001),
        ] {
            let len = text.len() as u64;
            assert_eq!(end_of_lines(&mut io::Cursor::new(text), len).unwrap(), end, "{text}");
        }
    }
}
