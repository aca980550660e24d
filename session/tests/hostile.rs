//! The fuzz targets of this package over random scripts, so that a run without a fuzzer has them, too.

#![cfg(feature = "alloc")]

#[path = "../../fuzz/src/session.rs"]
#[allow(unreachable_pub, clippy::wildcard_imports)]
mod session;

use std::path::Path;

use proptest::prelude::*;

/// What the fuzzers have found worth keeping.
#[test]
fn the_scripts_of_the_fuzzers_do_no_harm() {
    type Target = fn(&[u8]);
    let targets: [(&str, Target); 3] = [
        ("session_client", session::client),
        ("session_server", session::server),
        ("session_watch", session::watch),
    ];
    for (name, target) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/fuzz").join(name);
        let mut scripts = 0;
        for file in std::fs::read_dir(&folder).unwrap() {
            target(&std::fs::read(file.unwrap().path()).unwrap());
            scripts += 1;
        }
        assert!(scripts > 50, "{name}: {scripts}");
    }
}

/// Packets that a peer may well send, in any order, between arbitrary bytes.
fn scripts() -> impl Strategy<Value = Vec<u8>> {
    let packets: [&[u8]; 16] = [
        &[0x20, 3, 0, 0, 0],
        &[0x20, 3, 1, 0, 0],
        &[0x20, 2, 0, 0],
        &[0x20, 6, 0, 0, 3, 0x21, 0, 1],
        &[0x32, 6, 0, 1, b'a', 0, 1, 0],
        &[0x34, 6, 0, 1, b'a', 0, 1, 0],
        &[0x3C, 6, 0, 1, b'a', 0, 2, 0],
        &[0x30, 7, 0, 1, b'a', 3, 0x23, 0, 1],
        &[0x30, 6, 0, 0, 3, 0x23, 0, 1],
        &[0x40, 2, 0, 1],
        &[0x50, 2, 0, 1],
        &[0x50, 3, 0, 1, 0x97],
        &[0x62, 2, 0, 1],
        &[0x70, 2, 0, 1],
        &[0x82, 7, 0, 9, 0, 0, 1, b'a', 1],
        &[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 0, 0, 10, 0, 0, 0],
    ];
    let step = |packet: &[u8]| {
        let mut step = vec![0, u8::try_from(packet.len()).unwrap()];
        step.extend(packet);
        step
    };
    let first = prop::sample::select(packets[..4].to_vec()).prop_map(step);
    let packet = prop::sample::select(packets[4..].to_vec()).prop_map(step);
    // Publish, accept, time, a request; and now and then anything.
    let call = (3..=6_u8, 0..32_u8).prop_map(|(call, detail)| vec![call | detail << 3]);
    let noise = any::<[u8; 3]>().prop_map(Vec::from);
    let steps = prop_oneof![40 => packet, 40 => call, 1 => noise];
    let connection = (any::<u8>(), first, prop::collection::vec(steps, 0..20))
        .prop_map(|(how, first, steps)| [vec![how], first, steps.concat(), vec![7]].concat());
    prop::collection::vec(connection, 1..6).prop_map(|connections| connections.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_peer_does_harm(script in scripts()) {
        session::client(&script);
        session::server(&script);
        session::watch(&script);
    }
}
