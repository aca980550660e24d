//! Standard output that never makes its writer wait: what a slow reader does not take is dropped, and counted.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::text::count;

/// How many bytes wait for a slow reader.
pub(crate) const MOST: u64 = 16 * 1024 * 1024;

/// Clones write to the same output. What is written between two flushes stays together or is dropped together.
#[derive(Clone, Debug)]
pub(crate) struct Outlet {
    shared: Arc<Shared>,
    sender: Sender<Vec<u8>>,
    pending: Vec<u8>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bytes that wait.
    waiting: AtomicU64,
    /// Lines that had no room, and were not spoken of yet.
    dropped: AtomicU64,
    /// Nobody reads any more, or what else ended it.
    broken: Mutex<Option<io::Error>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Outlet {
    /// Standard output; what was dropped is said on standard error.
    pub(crate) fn new() -> Self {
        Self::to(Box::new(io::stdout()), Box::new(io::stderr()))
    }

    fn to(out: Box<dyn Write + Send>, remarks: Box<dyn Write + Send>) -> Self {
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let writer = thread::spawn(move || theirs.write(&receiver, out, remarks));
        *shared.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        Self { shared, sender, pending: Vec::new() }
    }

    /// Waits until all is written that waits. All clones must be gone.
    ///
    /// What has ended it, if nobody was told yet.
    pub(crate) fn finish(self) -> io::Result<()> {
        let Self { shared, sender, .. } = self;
        drop(sender);
        let writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        shared.broken().take().map_or(Ok(()), Err)
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(error) = self.shared.broken().take() {
            return Err(error);
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let chunk = mem::take(&mut self.pending);
        let length = chunk.len() as u64;
        // One thread adds, one takes away: nothing comes between.
        if self.shared.waiting.load(Ordering::Acquire) + length > MOST {
            self.shared.dropped.fetch_add(lines(&chunk), Ordering::Relaxed);
            return Ok(());
        }
        self.shared.waiting.fetch_add(length, Ordering::AcqRel);
        self.sender.send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Shared {
    fn broken(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, chunks: &Receiver<Vec<u8>>, mut out: impl Write, mut remarks: impl Write) {
        for chunk in chunks {
            if let Err(error) = out.write_all(&chunk).and_then(|()| out.flush()) {
                *self.broken() = Some(error);
                return;
            }
            let left = self.waiting.fetch_sub(chunk.len() as u64, Ordering::AcqRel) - chunk.len() as u64;
            // The reader keeps up again, or soon does.
            if left < MOST / 2 {
                self.say_dropped(&mut remarks);
            }
        }
        self.say_dropped(&mut remarks);
    }

    fn say_dropped(&self, remarks: &mut impl Write) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let lines = count(dropped, "line");
            let _ = writeln!(remarks, "mqtt-inspect: {lines} dropped: the output is read too slowly");
        }
    }
}

fn lines(chunk: &[u8]) -> u64 {
    chunk.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing before it is let go.
    struct Gate(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_costs_lines_that_are_counted() {
        let (open, gate) = channel();
        let (sender, written) = channel();
        let said = Said::default();
        let mut outlet = Outlet::to(Box::new(Gate(gate, sender)), Box::new(said.clone()));
        let line = [vec![b'x'; 1023], vec![b'\n']].concat();
        let all = MOST / 1024 + 100;
        for _ in 0..all {
            outlet.write_all(&line).unwrap();
            outlet.flush().unwrap();
        }
        drop(open);
        outlet.finish().unwrap();
        let lines = written.iter().map(|chunk| lines(&chunk)).sum::<u64>();
        assert_eq!(lines, MOST / 1024);
        let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        assert_eq!(said, "mqtt-inspect: 100 lines dropped: the output is read too slowly\n");
    }

    #[test]
    fn a_reader_that_went_away_is_noticed() {
        let (sender, written) = channel();
        let (open, gate) = channel();
        drop((open, written));
        let mut outlet = Outlet::to(Box::new(Gate(gate, sender)), Box::new(io::sink()));
        outlet.write_all(b"x\n").unwrap();
        let mut broken = outlet.flush().is_err();
        for _ in 0..1000 {
            thread::sleep(std::time::Duration::from_millis(1));
            broken |= outlet.flush().is_err();
            if broken {
                return;
            }
        }
        panic!("it is never said");
    }
}
