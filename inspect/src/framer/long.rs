//! A PUBLISH whose payload is too long to be held: its length, its hash and its head stand for it.

use mqtt_wire::{DecodeError, DecodeOptions, DecodedHead, Packet, decode_publish_head};
use sha2::{Digest as _, Sha256};

/// Payloads above this many bytes are not held.
pub(crate) const LONG: usize = 1024 * 1024;
/// How much of such a payload is kept.
const HEAD: usize = 256;

/// What stands for a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    /// The payload's length.
    pub(crate) length: usize,
    pub(crate) sha256: [u8; 32],
}

impl Digest {
    /// The hash in hex.
    pub(crate) fn hash(&self) -> String {
        crate::text::digits(&self.sha256)
    }
}

#[derive(Debug)]
pub(super) struct Long {
    offset: u64,
    /// The packet up to its payload, and the head of that.
    head: Vec<u8>,
    /// How long the packet is up to its payload.
    before: usize,
    length: usize,
    left: usize,
    hash: Sha256,
    options: DecodeOptions,
}

impl Long {
    /// A packet of which the first bytes are there: `before` of them come before a payload of `length`.
    pub(super) fn new(
        offset: u64,
        bytes: &[u8],
        before: usize,
        length: usize,
        options: DecodeOptions,
    ) -> Self {
        let (head, payload) = bytes.split_at_checked(before).unwrap_or((bytes, &[]));
        let head = head.to_vec();
        let mut this = Self { offset, head, before, length, left: length, hash: Sha256::new(), options };
        this.push(payload);
        this
    }

    /// Takes what of `bytes` belongs to the payload, and returns how much that is.
    pub(super) fn push(&mut self, bytes: &[u8]) -> usize {
        let bytes = bytes.get(..self.left).unwrap_or(bytes);
        let kept = (self.before + HEAD).saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(kept));
        self.hash.update(bytes);
        self.left -= bytes.len();
        bytes.len()
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn is_complete(&self) -> bool {
        self.left == 0
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn options(&self) -> DecodeOptions {
        self.options
    }

    /// How long the packet is, as far as it came.
    pub(super) fn came(&self) -> usize {
        self.before + self.length - self.left
    }

    /// The packet with the head of its payload, and what stands for all of it.
    pub(super) fn end(self) -> (Vec<u8>, Digest) {
        (self.head, Digest { length: self.length, sha256: self.hash.finalize().into() })
    }
}

/// The packet of which `bytes` are all but most of the payload.
pub(crate) fn packet(bytes: &[u8], options: DecodeOptions) -> Result<Option<Packet<'_>>, DecodeError> {
    let DecodedHead::Publish { head, len, .. } = decode_publish_head(bytes, options)? else {
        return Ok(None);
    };
    Ok(Some(head.with_payload(bytes.get(len..).unwrap_or_default()).into()))
}

/// The same for a packet of so many bytes that happens to be there as a whole, and how many of its bytes are
/// kept.
pub(super) fn digest(packet: Packet<'_>, length: usize) -> Option<(Packet<'_>, Digest, usize)> {
    let Packet::Publish(mut publish) = packet else { return None };
    let payload = publish.payload;
    if payload.len() <= LONG {
        return None;
    }
    publish.payload = payload.get(..HEAD)?;
    let digest = Digest { length: payload.len(), sha256: Sha256::digest(payload).into() };
    Some((Packet::Publish(publish), digest, length - payload.len() + HEAD))
}
