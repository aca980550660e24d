//! Whole frames in hex: Wireshark copies the frame that is selected, and tcpdump prints the datagram.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

/// The TCP payload, when the bytes are a frame of Ethernet or a datagram whose lengths and checksum are right;
/// else the bytes as they are.
pub(super) fn payload(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let frame = [SlicedPacket::from_ip(&bytes), SlicedPacket::from_ethernet(&bytes)]
        .into_iter()
        .flatten()
        .find_map(|packet| tcp_payload(&packet).map(<[u8]>::to_vec));
    match frame {
        Some(payload) if payload.is_empty() => Err("a frame whose TCP segment has no data".to_owned()),
        Some(payload) => Ok(payload),
        None => Ok(bytes),
    }
}

/// No MQTT packet has an IP header with a right checksum in its first bytes by chance.
fn tcp_payload<'a>(packet: &SlicedPacket<'a>) -> Option<&'a [u8]> {
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return None };
    let right = match packet.net.as_ref()? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            header.header_checksum() == header.to_header().calc_header_checksum()
        }
        NetSlice::Ipv6(ip) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            tcp.calc_checksum_ipv6(source, destination).is_ok_and(|checksum| checksum == tcp.checksum())
        }
        NetSlice::Arp(_) => false,
    };
    right.then(|| tcp.payload())
}
