//! Compressed captures: gzip and zstd, unpacked while they are read.

use std::io::{self, Cursor, Error, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The most that a zstd frame may look back; `zstd --ultra` and `--long` go further than others.
const WINDOW: u64 = 32 * 1024 * 1024;

/// Unpacks what is packed in a way that is known.
pub(super) fn unpack(mut source: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::new();
    source.by_ref().take(4).read_to_end(&mut magic)?;
    let kind = Rule::of(&magic);
    let source = Cursor::new(magic).chain(source);
    Ok(match kind {
        Some(Rule::Gzip) => Box::new(MultiGzDecoder::new(source)),
        Some(Rule::Zstd) => Box::new(Zstd::new(source)),
        None => Box::new(source),
    })
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Gzip,
    Zstd,
}

impl Rule {
    fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            // A frame, or one that is to be skipped.
            [0x28, 0xB5, 0x2F, 0xFD] | [0x50..=0x5F, 0x2A, 0x4D, 0x18] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// All frames of a zstd file. ruzstd reads one at a time.
struct Zstd<R> {
    source: Source<R>,
    decoder: FrameDecoder,
    in_frame: bool,
}

/// Remembers whether the end was met.
struct Source<R> {
    inner: R,
    ended: bool,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.ended |= length == 0 && !into.is_empty();
        Ok(length)
    }
}

impl<R: Read> Zstd<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { source: Source { inner: source, ended: false }, decoder, in_frame: false }
    }

    /// Begins the next frame; `false` at the end of the file.
    fn next_frame(&mut self) -> io::Result<bool> {
        let mut first = Vec::new();
        if self.source.by_ref().take(1).read_to_end(&mut first)? == 0 {
            return Ok(false);
        }
        self.source.ended = false;
        match self.decoder.init(Cursor::new(first).chain(&mut self.source)) {
            Ok(()) => self.in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let skipped = io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                if skipped < u64::from(length) {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(self.failure(&error)),
        }
        Ok(true)
    }

    /// The frame has been read.
    fn end_frame(&mut self) -> io::Result<()> {
        self.in_frame = false;
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stated), Some(is)) if stated != is => {
                Err(Error::new(ErrorKind::InvalidData, "zstd: the checksum differs"))
            }
            _ => Ok(()),
        }
    }

    fn failure(&self, error: &FrameDecoderError) -> Error {
        let kind = if self.source.ended { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
        Error::new(kind, format!("zstd: {error}"))
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame {
                if !self.next_frame()? {
                    return Ok(0);
                }
            } else if self.decoder.can_collect() > 0 {
                return self.decoder.read(into);
            } else if self.decoder.is_finished() {
                self.end_frame()?;
            } else {
                let block = BlockDecodingStrategy::UptoBlocks(1);
                if let Err(error) = self.decoder.decode_blocks(&mut self.source, block) {
                    return Err(self.failure(&error));
                }
            }
        }
    }
}
