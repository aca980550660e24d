//! The tools beside the broker itself: the store offline, and the file of users.

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::auth::Users;
use crate::store::{Disk, FILE, Store as _, dump};

/// What `mqtt-broker` does instead of being a broker.
#[derive(Debug, Clone, Subcommand)]
pub enum Tool {
    /// Check the store in a data folder, byte for byte, and say what is in it
    Check {
        /// The data folder
        #[arg(default_value = "mqtt-data")]
        data: PathBuf,
        /// Give free room in the file back to the system
        #[arg(long)]
        compact: bool,
    },
    /// Print the store in a data folder as lines of JSON
    Dump {
        /// The data folder
        #[arg(default_value = "mqtt-data")]
        data: PathBuf,
    },
    /// Make a store of what `dump` printed, from standard input, in a folder that has none
    Restore {
        /// The data folder
        #[arg(default_value = "mqtt-data")]
        data: PathBuf,
    },
    /// Give a user a password, in a file that is made if there is none
    Passwd {
        /// The file of users
        file: PathBuf,
        /// The name of the user
        user: String,
        /// Take the user out of the file instead
        #[arg(long)]
        delete: bool,
    },
}

impl Tool {
    /// Does it.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn run(self) -> Result<()> {
        match self {
            Self::Check { data, compact } => check(&data, compact),
            Self::Dump { data } => {
                let mut disk =
                    Disk::open_existing(&data.join(FILE)).with_context(|| data.display().to_string())?;
                // What is damaged would come out as something else.
                disk.verify()?;
                let kept = disk.load()?;
                let mut out = BufWriter::new(io::stdout().lock());
                dump::write(&kept, &mut out)?;
                Ok(out.flush()?)
            }
            Self::Restore { data } => restore(&data, io::stdin().lock()),
            Self::Passwd { file, user, delete: true } => {
                if !Users::remove(&file, &user)? {
                    bail!("{}: there is no user {user}", file.display());
                }
                Ok(())
            }
            Self::Passwd { file, user, delete: false } => {
                // Nobody is asked for a password that cannot be kept.
                Users::check_name(&user).map_err(anyhow::Error::msg)?;
                Ok(Users::set(&file, &user, &password(&user)?)?)
            }
        }
    }
}

fn check(data: &Path, compact: bool) -> Result<()> {
    let path = data.join(FILE);
    let mut disk = Disk::open_existing(&path).with_context(|| data.display().to_string())?;
    let kept = disk.check()?;
    if compact {
        disk.compact()?;
    }
    let size = std::fs::metadata(&path)?.len();
    let subscriptions: usize = kept.sessions.iter().map(|session| session.subscriptions.len()).sum();
    let queued: usize = kept.sessions.iter().map(|session| session.queue.len()).sum();
    writeln!(
        io::stdout(),
        "{} is sound: {size} bytes, {} sessions with {subscriptions} subscriptions and {queued} queued messages, \
         {} retained messages, {} wills",
        path.display(),
        kept.sessions.len(),
        kept.retained.len(),
        kept.wills.len(),
    )?;
    Ok(())
}

fn restore(data: &Path, input: impl BufRead) -> Result<()> {
    let path = data.join(FILE);
    if path.try_exists()? {
        bail!("{} is there already", path.display());
    }
    if !Disk::make_in(data, &dump::read(input)?)? {
        bail!("{} is there already", path.display());
    }
    Ok(())
}

/// Asks for a password: twice and without showing it at a terminal, else it is the first line of standard input.
fn password(user: &str) -> Result<Vec<u8>> {
    if !io::stdin().is_terminal() {
        let mut line = Vec::new();
        io::stdin().lock().read_until(b'\n', &mut line)?;
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            bail!("there is no password on standard input");
        }
        return Ok(line.to_vec());
    }
    let first = rpassword::prompt_password(format!("Password of {user}: "))?;
    if first.is_empty() {
        bail!("a password cannot be empty");
    }
    if first != rpassword::prompt_password("Once more: ")? {
        bail!("these are two passwords");
    }
    Ok(first.into_bytes())
}
