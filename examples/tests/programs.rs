//! The examples do what they say. `tests/setup` installs mosquitto's clients, which the last one needs.

#[path = "../../broker/tests/programs/process.rs"]
#[allow(dead_code, reason = "more is there than the examples need")]
mod process;

use std::process::Command;

use mqtt_broker::listener::Bound;
use mqtt_broker::server::{Broker, Parts};
use mqtt_wire::{QoS, Version};

use crate::process::{Client, Kind, Program};

const LAMP: &str = "rumahkami/lantaidasar/ruangtamu/lampu";

#[test]
fn the_programs_that_stand_alone_do_what_they_say() {
    let run = |path: &str| Program::start(&mut Command::new(path)).succeed().0;
    assert_eq!(run(env!("CARGO_BIN_EXE_hello")), [format!("{LAMP} = menyala")]);
    assert_eq!(
        run(env!("CARGO_BIN_EXE_forward")),
        [
            "5.0 at most QoS 2: 71 bytes of head, 7 of the one payload",
            "5.0 at most QoS 0: 69 bytes of head, 7 of the one payload",
            "3.1.1 at most QoS 1: 43 bytes of head, 7 of the one payload",
        ]
    );
    assert_eq!(
        run(env!("CARGO_BIN_EXE_embedded")),
        [
            "the lamp sent CONNECT SUBSCRIBE PUBLISH(menyala) PUBACK PUBACK PUBLISH(padam) PUBACK PUBLISH(menyala)",
            "the lamp is on",
            "firmware: 100000 bytes, as sent",
            "receive buffer: 128 bytes, allocations: 0",
        ]
    );
}

#[test]
fn the_tokio_client_switches_its_lamp() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_broker, port) = runtime.block_on(async {
        let mut broker = Broker::start(Parts::default()).unwrap();
        let bound = Bound::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let port = bound.address().unwrap().port();
        broker.listen(bound);
        (broker, port)
    });
    let lamp =
        Program::start(Command::new(env!("CARGO_BIN_EXE_tokio-client")).arg(format!("127.0.0.1:{port}")));
    assert_eq!(lamp.line(), "ready");
    let hand = Client { kind: Kind::Mosquitto, port, version: Version::V5, qos: QoS::AtLeastOnce };
    let phone = hand.subscribe(&[LAMP], 2);
    for state in ["menyala", "selesai"] {
        hand.publish(&format!("{LAMP}/sakelar"), state, false);
        if state == "menyala" {
            assert!(phone.line().starts_with(&format!("{LAMP} menyala 1 ")));
        }
    }
    assert!(phone.line().starts_with(&format!("{LAMP} selesai 1 ")));
    lamp.succeed();
}
