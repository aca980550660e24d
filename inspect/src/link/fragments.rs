//! IP datagrams in fragments, a bounded number of them at a time.

use std::collections::HashMap;
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber, Ipv6ExtensionSlice, NetSlice, SlicedPacket};

/// How many unfinished datagrams are kept. Each holds at most 64 KiB.
const MOST: usize = 64;
/// How many frames an unfinished datagram is kept for: identifiers are used again.
const LIFE: u64 = 10_000;

#[derive(Debug, Default)]
pub(super) struct Fragments {
    datagrams: HashMap<Key, Datagram>,
    whole: Vec<u8>,
    frame: u64,
    /// How many datagrams were given up.
    given_up: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    number: IpNumber,
}

#[derive(Debug)]
struct Datagram {
    buffer: IpDefragBuf,
    /// The frame that brought its last fragment.
    seen: u64,
}

impl Fragments {
    pub(super) fn next_frame(&mut self) {
        self.frame += 1;
    }

    /// Takes a fragment. When it was the last that was missing, the datagram's protocol number: its
    /// bytes are to be taken then.
    pub(super) fn add(&mut self, packet: &SlicedPacket<'_>) -> Option<IpNumber> {
        let (key, offset, more, payload) = fragment(packet)?;
        let now = self.frame;
        if self.datagrams.get(&key).is_some_and(|old| now - old.seen > LIFE) {
            self.give_up(key);
        }
        if !self.datagrams.contains_key(&key) && self.datagrams.len() >= MOST {
            let oldest = self.datagrams.iter().min_by_key(|(_, datagram)| datagram.seen).map(|(key, _)| *key);
            self.give_up(oldest?);
        }
        let datagram = self.datagrams.entry(key).or_insert_with(|| Datagram {
            buffer: IpDefragBuf::new(key.number, Vec::new(), Vec::new()),
            seen: now,
        });
        datagram.seen = now;
        datagram.buffer.add(offset, more, payload).ok()?;
        if !datagram.buffer.is_complete() {
            return None;
        }
        self.whole = self.datagrams.remove(&key)?.buffer.take_bufs().0;
        Some(key.number)
    }

    /// The bytes of the datagram that was completed last.
    pub(super) fn take_whole(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.whole)
    }

    /// How many datagrams lack fragments.
    pub(super) fn unfinished(&self) -> u64 {
        self.given_up + self.datagrams.len() as u64
    }

    fn give_up(&mut self, key: Key) {
        self.given_up += u64::from(self.datagrams.remove(&key).is_some());
    }
}

fn fragment<'a>(packet: &SlicedPacket<'a>) -> Option<(Key, IpFragOffset, bool, &'a [u8])> {
    match packet.net.as_ref()? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            let key = Key {
                source: header.source_addr().into(),
                destination: header.destination_addr().into(),
                identification: header.identification().into(),
                number: ip.payload().ip_number,
            };
            Some((key, header.fragments_offset(), header.more_fragments(), ip.payload().payload))
        }
        NetSlice::Ipv6(ip) => {
            let fragment = ip.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment.to_header()),
                _ => None,
            })?;
            let key = Key {
                source: ip.header().source_addr().into(),
                destination: ip.header().destination_addr().into(),
                identification: fragment.identification,
                number: ip.payload().ip_number,
            };
            Some((key, fragment.fragment_offset, fragment.more_fragments, ip.payload().payload))
        }
        NetSlice::Arp(_) => None,
    }
}
