//! What a running broker is asked to do from outside.

use std::io::Result;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// SIGTERM, SIGINT, Ctrl-C.
    End,
    /// SIGHUP: files are to be read again. There is none on Windows.
    Reread,
}

/// Knows of every wish from its making on: what comes before it is waited for is not lost.
#[derive(Debug)]
pub(crate) struct Wishes {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    reread: Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Wishes {
    /// Inside a runtime.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            reread: signal(SignalKind::hangup())?,
            #[cfg(windows)]
            interrupt: tokio::signal::windows::ctrl_c()?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Wish {
        #[cfg(unix)]
        return tokio::select! {
            _ = self.terminate.recv() => Wish::End,
            _ = self.interrupt.recv() => Wish::End,
            _ = self.reread.recv() => Wish::Reread,
        };
        #[cfg(windows)]
        {
            self.interrupt.recv().await;
            Wish::End
        }
    }
}
