//! Keep alive (sections 3.1.2.10, 3.2.2.3.14, 3.12).

use mqtt_session::{Input, SessionRule};
use mqtt_wire::{ConnAck, Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, Version};

use crate::side::*;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

fn hello_every(version: Version, keep_alive: u16) -> Connect<'static> {
    Connect { keep_alive, ..hello(version) }
}

#[test]
fn an_idle_client_sends_pingreq_within_its_keep_alive() {
    for version in BOTH {
        let mut session = session();
        let mut link = dial(&mut session, version);
        let _ = lines(link.connect(&hello_every(version, 10), 0).unwrap());
        let _ = link.handle(welcome(version, false).into(), 0).unwrap();
        let _ = out(&mut link);
        assert_eq!(link.deadline(), Some(7_500));
        link.elapsed(7_499).unwrap();
        assert_eq!(link.next(7_499), None);
        // Whatever is sent counts.
        link.publish(&Publish::new(topic(), b"on"), QoS::AtMostOnce, 1).unwrap();
        assert!(link.next(5_000).is_some());
        assert_eq!(link.deadline(), Some(12_500));
        link.elapsed(12_500).unwrap();
        assert_eq!(all(link.outputs(12_500)), ["PINGREQ"]);
        // The answer is waited for as long as the keep alive.
        assert_eq!(link.deadline(), Some(22_500));
        assert_eq!(link.handle(Packet::PingResp, 13_000), Ok(Input::Nothing));
        assert_eq!(link.deadline(), Some(20_000));
        link.elapsed(20_000).unwrap();
        let _ = out(&mut link);
        assert_eq!(link.elapsed(30_000).unwrap_err().rule, SessionRule::NoPingResp);
        assert!(link.is_closing());
    }
}

#[test]
fn a_client_does_not_wait_for_connack_for_ever() {
    for version in BOTH {
        let mut session = session();
        let mut link = dial(&mut session, version);
        let _ = lines(link.connect(&hello_every(version, 10), 500).unwrap());
        // As long as for any other answer: the keep alive.
        assert_eq!(link.deadline(), Some(10_500));
        link.elapsed(10_499).unwrap();
        assert_eq!(link.next(10_499), None);
        assert_eq!(link.elapsed(10_500).unwrap_err().rule, SessionRule::NoConnAck);
        assert!(link.is_closing());
        assert_eq!(link.deadline(), None);
        // Without a keep alive nothing says how long.
        drop(link);
        let mut link = dial(&mut session, version);
        let _ = lines(link.connect(&hello_every(version, 0), 0).unwrap());
        assert_eq!(link.deadline(), None);
    }
}

#[test]
fn a_server_closes_after_one_and_a_half_times_the_keep_alive() {
    for (version, label) in [(Version::V311, "MQTT-3.1.2-24"), (Version::V5, "MQTT-3.1.2-22")] {
        let mut session = session();
        let mut link = answer(&mut session, &hello_every(version, 10));
        let _ = lines(link.connack(&welcome(version, false), 0).unwrap());
        assert_eq!(link.deadline(), Some(15_000));
        assert_eq!(link.handle(Packet::PingReq, 14_000), Ok(Input::Nothing));
        assert_eq!(out(&mut link), ["PINGRESP"]);
        link.elapsed(28_999).unwrap();
        // Any other packet counts as well.
        let _ = link.handle(message(QoS::AtMostOnce, 1), 20_000).unwrap();
        assert_eq!(link.deadline(), Some(35_000));
        let _ = link.handle(message(QoS::AtLeastOnce, 1), 25_000).unwrap();
        assert_eq!(link.elapsed(40_000).unwrap_err().requirement(), label);
        let lines = out(&mut link);
        let v5 = ["DISCONNECT 0x8d", "close 0x8d"];
        assert_eq!(lines, if version == Version::V5 { &v5[..] } else { &v5[1..] });
    }
}

#[test]
fn the_servers_keep_alive_outweighs_the_clients() {
    let theirs = [SMALL[0], Property::ServerKeepAlive(4)];
    let connack = ConnAck { properties: Properties::new(&theirs), ..ConnAck::new(ReasonCode::SUCCESS) };
    let mut session = session();
    let (link, _) = client(&mut session, &hello_every(Version::V5, 10), connack);
    assert_eq!(link.deadline(), Some(3_000));
    drop(link);
    let mut session = crate::side::session();
    let (link, _) = server(&mut session, &hello_every(Version::V5, 10), &connack);
    assert_eq!(link.deadline(), Some(6_000));
    drop(link);
    let mut session = crate::side::session();
    let (link, _) = server(&mut session, &hello_every(Version::V5, 10), &welcome(Version::V5, false));
    assert_eq!(link.deadline(), Some(15_000));
}

#[test]
fn a_keep_alive_of_0_is_none() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        assert_eq!(link.deadline(), None);
        link.elapsed(u64::MAX).unwrap();
        drop(link);
        let mut session = crate::side::session();
        let (mut link, _) = server_of(&mut session, version);
        assert_eq!(link.deadline(), None);
        link.elapsed(u64::MAX).unwrap();
        assert!(link.is_open());
    }
}
