//! Good frames of every packet in every version, with every property and every optional part.

use mqtt_wire::{Sender, Version};

use super::notation::{bytes, frame, string};

/// A frame that has to decode.
#[derive(Clone, Debug)]
pub(crate) struct Good {
    pub(crate) name: String,
    pub(crate) version: Version,
    /// Who may send it; `None` for both.
    pub(crate) sender: Option<Sender>,
    pub(crate) bytes: Vec<u8>,
}

const CLIENT: Option<Sender> = Some(Sender::Client);
const SERVER: Option<Sender> = Some(Sender::Server);
const BOTH: Option<Sender> = None;

const V31: &[Version] = &[Version::V31];
const V311: &[Version] = &[Version::V311];
const V3: &[Version] = &[Version::V31, Version::V311];
const V5: &[Version] = &[Version::V5];
const ALL: &[Version] = &Version::ALL;

type Row = (&'static str, &'static [Version], Option<Sender>, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("CONNECT, least",              V31,  CLIENT, "10 ('MQIsdp' 03 02 003C 'a')"),
    ("CONNECT, everything",         V31,  CLIENT, "10 ('MQIsdp' 03 F6 003C 'abcdefghijklmnopqrstuvw' 'will/topic' 'gone' 'user' 'password')"),
    ("CONNECT, user name",          V31,  CLIENT, "10 ('MQIsdp' 03 80 0000 'a' 'user')"),
    ("CONNECT, least",              V311, CLIENT, "10 ('MQTT' 04 02 003C '')"),
    ("CONNECT, everything",         V311, CLIENT, "10 ('MQTT' 04 EE FFFF 'client' 'will/topic' 0003 00FF80 'user' 0003 00FF80)"),
    ("CONNECT, user name",          V311, CLIENT, "10 ('MQTT' 04 80 000A 'client' '')"),
    ("CONNECT, will, empty payload", V311, CLIENT, "10 ('MQTT' 04 04 000A 'client' 'w' 0000)"),
    ("CONNECT, least",              V5,   CLIENT, "10 ('MQTT' 05 00 0000 () '')"),
    ("CONNECT, password alone",     V5,   CLIENT, "10 ('MQTT' 05 40 000A () 'client' 0001 FF)"),
    ("CONNECT, everything",         V5,   CLIENT, "10 ('MQTT' 05 F6 003C (11 0000000A 15 'SCRAM' 16 0002 00FF 17 00 19 01 21 0001 22 FFFF 26 'k' 'v' 26 'k' '' 26 '' '' 27 00000001) 'client' (01 01 02 FFFFFFFF 03 'text/plain' 08 'r' 09 0000 18 00000005 26 'k' 'v' 26 'k' 'w') 'w/t' 'gone' 'user' 'password')"),
    ("CONNACK, accepted",           V3,   SERVER, "20 (00 00)"),
    ("CONNACK, refused",            V3,   SERVER, "20 (00 05)"),
    ("CONNACK, session present",    V311, SERVER, "20 (01 00)"),
    ("CONNACK, least",              V5,   SERVER, "20 (00 00 ())"),
    ("CONNACK, refused",            V5,   SERVER, "20 (00 9C (1C 'other:1883' 1F 'full'))"),
    ("CONNACK, everything",         V5,   SERVER, "20 (01 00 (11 FFFFFFFF 12 'given' 13 0000 15 'SCRAM' 16 0001 00 1A 'r/' 1C 's' 1F 'why' 21 FFFF 22 0000 24 01 25 00 26 'k' 'v' 26 'k' 'v' 27 FFFFFFFF 28 01 29 00 2A 01))"),
    ("PUBLISH, QoS 0",              V3,   BOTH,   "30 ('a/b' 6869)"),
    ("PUBLISH, no payload",         V3,   BOTH,   "31 ('a')"),
    ("PUBLISH, QoS 1",              V3,   BOTH,   "32 ('a/b' 000A 6869)"),
    ("PUBLISH, QoS 2, DUP, RETAIN", V3,   BOTH,   "3D ('a/b' FFFF 00)"),
    ("PUBLISH, QoS 0",              V5,   BOTH,   "30 ('a/b' () 6869)"),
    ("PUBLISH, no payload",         V5,   BOTH,   "31 ('a' ())"),
    ("PUBLISH, QoS 1",              V5,   BOTH,   "3A ('a/b' 000A () 6869)"),
    ("PUBLISH, alias alone",        V5,   BOTH,   "34 ('' 0001 (23 0001) 6869)"),
    ("PUBLISH, everything",         V5,   BOTH,   "3D ('a/b' 000A (26 'k' 'v' 01 01 02 00000000 03 'c' 08 'r/s' 09 0003 000102 23 FFFF 26 'k' 'v') 6869)"),
    ("PUBLISH, identifiers",        V5,   SERVER, "30 ('a/b' (0B 01 0B FF7F 0B 80808001 0B FFFFFF7F))"),
    ("PUBACK",                      ALL,  BOTH,   "40 (0001)"),
    ("PUBREC",                      ALL,  BOTH,   "50 (0001)"),
    ("PUBREL",                      ALL,  BOTH,   "62 (0001)"),
    ("PUBCOMP",                     ALL,  BOTH,   "70 (FFFF)"),
    ("PUBACK, code",                V5,   SERVER, "40 (0001 10)"),
    ("PUBREC, code",                V5,   BOTH,   "50 (0001 80)"),
    ("PUBREL, code",                V5,   BOTH,   "62 (0001 92)"),
    ("PUBCOMP, code",               V5,   BOTH,   "70 (0001 92)"),
    ("PUBACK, everything",          V5,   BOTH,   "40 (0001 00 (1F 'why' 26 'k' 'v'))"),
    ("PUBREC, everything",          V5,   BOTH,   "50 (0001 97 (26 'k' 'v' 1F 'why'))"),
    ("PUBREL, everything",          V5,   BOTH,   "62 (0001 00 (1F '' 26 'k' 'v'))"),
    ("PUBCOMP, everything",         V5,   BOTH,   "70 (0001 92 (1F 'why' 26 'k' 'v' 26 'k' 'w'))"),
    ("SUBSCRIBE, one",              V3,   CLIENT, "82 (0001 'a/b' 01)"),
    ("SUBSCRIBE, three",            V3,   CLIENT, "82 (000A '#' 00 '+/b/#' 01 '$share/g/a' 02)"),
    ("SUBSCRIBE, one",              V5,   CLIENT, "82 (0001 () 'a/b' 2E)"),
    ("SUBSCRIBE, everything",       V5,   CLIENT, "82 (000A (0B FFFFFF7F 26 'k' 'v') '#' 00 '+/b/#' 1D '$share/g/#' 2A)"),
    ("SUBACK",                      V31,  SERVER, "90 (0001 00 01 02)"),
    ("SUBACK",                      V311, SERVER, "90 (0001 00 01 02 80)"),
    ("SUBACK, least",               V5,   SERVER, "90 (0001 () 00)"),
    ("SUBACK, everything",          V5,   SERVER, "90 (0001 (1F 'why' 26 'k' 'v') 00 01 02 80 83 87 8F 91 97 9E A1 A2)"),
    ("UNSUBSCRIBE",                 V3,   CLIENT, "A2 (0001 'a/b' '+/#' '/')"),
    ("UNSUBSCRIBE, least",          V5,   CLIENT, "A2 (0001 () 'a')"),
    ("UNSUBSCRIBE, everything",     V5,   CLIENT, "A2 (0001 (26 'k' 'v') 'a/b' '$share/g/+' '#')"),
    ("UNSUBACK",                    V3,   SERVER, "B0 (0001)"),
    ("UNSUBACK, least",             V5,   SERVER, "B0 (0001 () 11)"),
    ("UNSUBACK, everything",        V5,   SERVER, "B0 (0001 (1F 'why' 26 'k' 'v') 00 11 80 83 87 8F 91)"),
    ("PINGREQ",                     ALL,  CLIENT, "C0 ()"),
    ("PINGRESP",                    ALL,  SERVER, "D0 ()"),
    ("DISCONNECT",                  V3,   CLIENT, "E0 ()"),
    ("DISCONNECT",                  V5,   BOTH,   "E0 ()"),
    ("DISCONNECT, code",            V5,   CLIENT, "E0 (04)"),
    ("DISCONNECT, client's",        V5,   CLIENT, "E0 (00 (11 00000000 1F 'why' 26 'k' 'v'))"),
    ("DISCONNECT, server's",        V5,   SERVER, "E0 (9D (1C 's' 1F 'why' 26 'k' 'v'))"),
    ("AUTH, least",                 V5,   SERVER, "F0 ()"),
    ("AUTH",                        V5,   BOTH,   "F0 (18 (15 'SCRAM'))"),
    ("AUTH, everything",            V5,   CLIENT, "F0 (19 (15 'SCRAM' 16 0003 000102 1F 'why' 26 'k' 'v'))"),
    ("AUTH, success",               V5,   SERVER, "F0 (00 (16 0000 15 ''))"),
    ("strings beyond ASCII",        V5,   BOTH,   "30 (0005 41F0AA9B94 (26 'ключ' 'значение' 03 0003 EFBBBF) F0AA)"),
];

/// The rows of the table, one for each version, and PUBLISH packets around the lengths where another byte of
/// Remaining Length or Property Length begins.
pub(crate) fn good() -> Vec<Good> {
    let rows = ROWS.iter().flat_map(|(name, versions, sender, notation)| {
        versions.iter().map(|version| Good {
            name: (*name).to_owned(),
            version: *version,
            sender: *sender,
            bytes: bytes(notation),
        })
    });
    let lengths = [127, 128, 16_383, 16_384];
    let bodies = lengths.into_iter().flat_map(|length| {
        Version::ALL.map(|version| {
            let head = if version == Version::V5 { bytes("'a/b' ()") } else { bytes("'a/b'") };
            let payload = vec![b'x'; length - head.len()];
            Good {
                name: format!("PUBLISH, Remaining Length {length}"),
                version,
                sender: BOTH,
                bytes: frame(0x30, &[head, payload].concat()),
            }
        })
    });
    let blocks = lengths.into_iter().map(|length| {
        let value = string(vec![b'v'; length - 5]);
        let block = super::notation::variable(length);
        Good {
            name: format!("PUBLISH, Property Length {length}"),
            version: Version::V5,
            sender: BOTH,
            bytes: frame(0x30, &[bytes("'a/b'"), block, bytes("26 ''"), value, b"payload".to_vec()].concat()),
        }
    });
    rows.chain(bodies).chain(blocks).collect()
}
