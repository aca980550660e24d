//! The other decoders. Each decodes one frame and encodes what it got.

use bytes::BytesMut;
use mqtt_wire::Version;

use super::Theirs;

/// Another decoder of one version.
pub struct Peer {
    pub name: &'static str,
    pub version: Version,
    pub recode: fn(&[u8]) -> Theirs,
}

/// Every other decoder.
pub const PEERS: &[Peer] = &[
    Peer { name: "mqtt-proto", version: Version::V311, recode: mqtt_proto_v3 },
    Peer { name: "mqtt-proto", version: Version::V5, recode: mqtt_proto_v5 },
    Peer { name: "rumqttc", version: Version::V311, recode: rumqttc_v4 },
    Peer { name: "rumqttc", version: Version::V5, recode: rumqttc_v5 },
];

fn mqtt_proto_v3(frame: &[u8]) -> Theirs {
    match mqtt_proto::v3::Packet::decode(frame) {
        Ok(Some(packet)) => Theirs::Takes(
            packet.encode().map(|bytes| bytes.as_ref().to_vec()).map_err(|error| format!("{error:?}")),
        ),
        Ok(None) => Theirs::Waits,
        Err(error) => Theirs::Refuses(format!("{error:?}")),
    }
}

fn mqtt_proto_v5(frame: &[u8]) -> Theirs {
    match mqtt_proto::v5::Packet::decode(frame) {
        Ok(Some(packet)) => Theirs::Takes(
            packet.encode().map(|bytes| bytes.as_ref().to_vec()).map_err(|error| format!("{error:?}")),
        ),
        Ok(None) => Theirs::Waits,
        Err(error) => Theirs::Refuses(format!("{error:?}")),
    }
}

const MAX_SIZE: usize = 268_435_460;

fn rumqttc_v4(frame: &[u8]) -> Theirs {
    use rumqttc::mqttbytes::Error;
    use rumqttc::mqttbytes::v4::Packet;

    match Packet::read(&mut BytesMut::from(frame), MAX_SIZE) {
        Ok(packet) => {
            let mut out = BytesMut::new();
            let written = packet.write(&mut out, MAX_SIZE);
            Theirs::Takes(written.map(|_| out.to_vec()).map_err(|error| format!("{error:?}")))
        }
        Err(Error::InsufficientBytes(_)) => Theirs::Waits,
        Err(error) => Theirs::Refuses(format!("{error:?}")),
    }
}

fn rumqttc_v5(frame: &[u8]) -> Theirs {
    use rumqttc::v5::mqttbytes::Error;
    use rumqttc::v5::mqttbytes::v5::Packet;

    match Packet::read(&mut BytesMut::from(frame), None) {
        Ok(packet) => {
            let mut out = BytesMut::new();
            let written = packet.write(&mut out, None);
            Theirs::Takes(written.map(|_| out.to_vec()).map_err(|error| format!("{error:?}")))
        }
        Err(Error::InsufficientBytes(_)) => Theirs::Waits,
        Err(error) => Theirs::Refuses(format!("{error:?}")),
    }
}
