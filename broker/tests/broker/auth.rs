//! Who is let in, and what they may do: a file of users, SCRAM-SHA-256 at the beginning and in between, a file of rules.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use mqtt_broker::auth::{Rules, Users};
use mqtt_broker::server::Parts;
use mqtt_wire::{Auth, Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, Version, topic_name};
use sha2::{Digest, Sha256};

use crate::raw::{Raw, id, lasting, message};
use crate::scene::{Folder, Scene};

const METHOD: Property<'static> = Property::AuthenticationMethod("SCRAM-SHA-256");

/// A broker with the users alice and bob, whose passwords are their names, and rules.
struct Guarded {
    folder: Folder,
    users: Arc<Users>,
    rules: Arc<Rules>,
}

impl Guarded {
    fn new(rules: &str) -> Self {
        let folder = Folder::new();
        let users = folder.path().join("users");
        for name in ["alice", "bob"] {
            Users::set(&users, name, name.as_bytes()).unwrap();
        }
        std::fs::write(folder.path().join("rules"), rules).unwrap();
        let rules = Arc::new(Rules::load(&folder.path().join("rules")).unwrap());
        Self { users: Arc::new(Users::load(&users, true).unwrap()), rules, folder }
    }

    fn parts(&self) -> Parts {
        Parts { authenticate: self.users.clone(), authorise: self.rules.clone(), ..Parts::default() }
    }

    fn users(&self) -> PathBuf {
        self.folder.path().join("users")
    }

    fn rules(&self, rules: &str) {
        std::fs::write(self.folder.path().join("rules"), rules).unwrap();
        self.rules.reload().unwrap();
    }
}

/// The same client as another user.
fn user<'a>(name: &'a str, connect: Connect<'a>) -> Connect<'a> {
    Connect { user_name: Some(name), password: Some(name.as_bytes()), ..connect }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(data).finalize().into_bytes().into()
}

/// The client's side of SCRAM-SHA-256 (RFC 5802).
struct Scram {
    bare: String,
    password: &'static str,
    signature: String,
}

impl Scram {
    fn new(user: &str, password: &'static str) -> Self {
        Self { bare: format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL"), password, signature: String::new() }
    }

    fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    fn last(&mut self, challenge: &[u8]) -> String {
        let challenge = std::str::from_utf8(challenge).unwrap();
        let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
        let (nonce, salt, iterations) = (part("r="), BASE64.decode(part("s=")).unwrap(), part("i="));
        assert!(nonce.starts_with("fyko+d2lbbFgONRv9qkxdawL") && nonce.len() > 30, "{nonce}");
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(
            self.password.as_bytes(),
            &salt,
            iterations.parse().unwrap(),
            &mut salted,
        );
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{without_proof}", self.bare);
        let client_key = hmac(&salted, b"Client Key");
        let mut proof = hmac(&Sha256::digest(client_key), signed.as_bytes());
        proof.iter_mut().zip(client_key).for_each(|(byte, key)| *byte ^= key);
        self.signature = BASE64.encode(hmac(&hmac(&salted, b"Server Key"), signed.as_bytes()));
        format!("{without_proof},p={}", BASE64.encode(proof))
    }

    /// The server has shown that it knows the password, too.
    fn check(&self, data: Option<&[u8]>) {
        assert_eq!(data.unwrap(), format!("v={}", self.signature).as_bytes());
    }
}

fn send_auth(raw: &mut Raw, code: ReasonCode, data: &str) {
    let properties = [METHOD, Property::AuthenticationData(data.as_bytes())];
    raw.send(Auth::new(code, Properties::new(&properties)));
}

/// The Authentication Data of the next packet, which is AUTH with that reason code.
fn expect_auth(raw: &mut Raw, code: ReasonCode) -> Vec<u8> {
    match raw.frame().packet() {
        Packet::Auth(auth) => {
            assert_eq!(auth.reason_code, code);
            assert_eq!(auth.properties.authentication_method(), Some("SCRAM-SHA-256"));
            auth.properties.authentication_data().unwrap_or_default().to_vec()
        }
        other => panic!("no AUTH, but {other:?}"),
    }
}

/// CONNECT and what follows, up to the client's last message.
fn begin(port: u16, scram: &mut Scram) -> Raw {
    let mut raw = Raw::open(port, Version::V5);
    let first = scram.first();
    let properties = [METHOD, Property::AuthenticationData(first.as_bytes())];
    raw.send(Connect { properties: Properties::new(&properties), ..Connect::new(Version::V5, "client") });
    let challenge = expect_auth(&mut raw, ReasonCode::CONTINUE_AUTHENTICATION);
    let last = scram.last(&challenge);
    send_auth(&mut raw, ReasonCode::CONTINUE_AUTHENTICATION, &last);
    raw
}

fn connected(port: u16, user: &str, password: &'static str) -> Raw {
    let mut scram = Scram::new(user, password);
    let mut raw = begin(port, &mut scram);
    match raw.frame().packet() {
        Packet::ConnAck(connack) => {
            assert_eq!(connack.reason_code, ReasonCode::SUCCESS);
            assert_eq!(connack.properties.authentication_method(), Some("SCRAM-SHA-256"));
            scram.check(connack.properties.authentication_data());
        }
        other => panic!("no CONNACK, but {other:?}"),
    }
    raw
}

/// Authenticates again, up to the client's last message.
fn begin_again(raw: &mut Raw, scram: &mut Scram) {
    send_auth(raw, ReasonCode::RE_AUTHENTICATE, &scram.first());
    let challenge = expect_auth(raw, ReasonCode::CONTINUE_AUTHENTICATION);
    let last = scram.last(&challenge);
    send_auth(raw, ReasonCode::CONTINUE_AUTHENTICATION, &last);
}

#[test]
fn passwords() {
    let guarded = Guarded::new("allow both #");
    let scene = Scene::with(guarded.parts());
    for version in Version::ALL {
        let open = || Raw::open(scene.port, version);
        let connect = Connect::new(version, "client");
        open().connect(user("alice", connect));
        open().connect(connect);
        let wrong = Connect { password: Some(b"wrong"), ..user("alice", connect) };
        for refused in [wrong, user("carol", connect)] {
            assert_eq!(open().refused(refused), ReasonCode::BAD_USER_NAME_OR_PASSWORD, "{version}");
        }
    }
    assert!((scene.metrics().closed("refused") - 6.0).abs() < f64::EPSILON);
}

#[test]
fn scram_lets_in_who_knows_the_password() {
    let guarded = Guarded::new("users\nallow both home/%u");
    let scene = Scene::with(guarded.parts());
    let mut client = connected(scene.port, "alice", "alice");
    // It is that user.
    assert_ne!(client.publish(&message("home/alice", b"", QoS::AtLeastOnce)), ReasonCode::NOT_AUTHORIZED);
    assert_eq!(client.publish(&message("home/bob", b"", QoS::AtLeastOnce)), ReasonCode::NOT_AUTHORIZED);
    for (name, password) in [("alice", "bob"), ("carol", "carol")] {
        let mut raw = begin(scene.port, &mut Scram::new(name, password));
        match raw.frame().packet() {
            Packet::ConnAck(connack) => assert_eq!(connack.reason_code, ReasonCode::NOT_AUTHORIZED, "{name}"),
            other => panic!("{other:?}"),
        }
        assert!(raw.next().is_none());
    }
    // What is no message of SCRAM.
    let properties = [METHOD, Property::AuthenticationData(b"p=tls-unique,,n=alice,r=x")];
    let connect = Connect { properties: Properties::new(&properties), ..Connect::new(Version::V5, "client") };
    assert_eq!(Raw::open(scene.port, Version::V5).refused(connect), ReasonCode::PROTOCOL_ERROR);
}

#[test]
fn a_client_authenticates_again() {
    let guarded = Guarded::new("allow both #");
    let scene = Scene::with(guarded.parts());
    let mut client = connected(scene.port, "alice", "alice");
    client.subscribe("a", QoS::AtMostOnce);
    for _ in 0..2 {
        let mut scram = Scram::new("alice", "alice");
        send_auth(&mut client, ReasonCode::RE_AUTHENTICATE, &scram.first());
        let challenge = expect_auth(&mut client, ReasonCode::CONTINUE_AUTHENTICATION);
        // Meanwhile all goes on as before.
        client.send(Publish::new(topic_name!("a"), b"meanwhile"));
        client.expect_message("a", b"meanwhile");
        let last = scram.last(&challenge);
        send_auth(&mut client, ReasonCode::CONTINUE_AUTHENTICATION, &last);
        scram.check(Some(&expect_auth(&mut client, ReasonCode::SUCCESS)));
        client.ping();
    }
}

#[test]
fn who_fails_to_authenticate_again_is_sent_away() {
    let guarded = Guarded::new("allow both #");
    let scene = Scene::with(guarded.parts());
    // A wrong password, and another user's.
    for (name, password) in [("alice", "wrong"), ("bob", "bob")] {
        let mut client = connected(scene.port, "alice", "alice");
        begin_again(&mut client, &mut Scram::new(name, password));
        client.expect_end(ReasonCode::NOT_AUTHORIZED);
    }
    // What is no message of SCRAM.
    let mut client = connected(scene.port, "alice", "alice");
    send_auth(&mut client, ReasonCode::RE_AUTHENTICATE, "nonsense");
    client.expect_end(ReasonCode::PROTOCOL_ERROR);
    // Another method, and none to begin with.
    let mut client = connected(scene.port, "alice", "alice");
    let other = [Property::AuthenticationMethod("PLAIN")];
    client.send(Auth::new(ReasonCode::RE_AUTHENTICATE, Properties::new(&other)));
    client.expect_end(ReasonCode::PROTOCOL_ERROR);
    let mut plain = Raw::v5(scene.port, "plain");
    send_auth(&mut plain, ReasonCode::RE_AUTHENTICATE, &Scram::new("alice", "").first());
    plain.expect_end(ReasonCode::PROTOCOL_ERROR);
    // Who is no user any more.
    let mut client = connected(scene.port, "alice", "alice");
    Users::remove(&guarded.users(), "alice").unwrap();
    guarded.users.reload().unwrap();
    client.ping();
    begin_again(&mut client, &mut Scram::new("alice", "alice"));
    client.expect_end(ReasonCode::NOT_AUTHORIZED);
    scene.until_shown("mqtt_connections", 0.0);
    let metrics = scene.metrics();
    assert!((metrics.closed("refused") - 4.0).abs() < f64::EPSILON, "{}", metrics.closed("refused"));
}

#[test]
fn topics_that_are_denied() {
    let guarded =
        Guarded::new("allow both open/#\nusers\nallow read home/%u/#\nallow write home/#\ndeny write home/x");
    let scene = Scene::with(guarded.parts());
    let mut client = Raw::open(scene.port, Version::V5);
    client.connect(user("alice", Connect::new(Version::V5, "client")));
    client.subscribe("home/alice/#", QoS::AtMostOnce);
    let ack = |client: &mut Raw, topic: &str| client.publish(&message(topic, b"", QoS::AtLeastOnce));
    assert_eq!(ack(&mut client, "home/x"), ReasonCode::NOT_AUTHORIZED);
    assert_eq!(ack(&mut client, "home/bob"), ReasonCode::NO_MATCHING_SUBSCRIBERS);
    assert_eq!(ack(&mut client, "other"), ReasonCode::NOT_AUTHORIZED);
    for version in Version::ALL {
        let mut client = Raw::open(scene.port, version);
        client.connect(user("bob", Connect::new(version, "bob")));
        let wanted = ["home/alice/x", "open/#", "#"].map(|text| {
            mqtt_wire::Subscription::new(mqtt_wire::TopicFilter::new(text).unwrap(), QoS::AtLeastOnce)
        });
        let subscribe = mqtt_wire::Subscribe::new(id(1), &wanted);
        if version == Version::V31 {
            // 3.1 has no refusal of a subscription.
            client.send(subscribe);
            client.expect_end(ReasonCode::PACKET_TOO_LARGE);
            continue;
        }
        client.send(subscribe);
        let code =
            if version == Version::V5 { ReasonCode::NOT_AUTHORIZED } else { ReasonCode::UNSPECIFIED_ERROR };
        client.expect(mqtt_wire::SubAck::new(id(1), &[code, ReasonCode::granted(QoS::AtLeastOnce), code]));
        // 3.x is not told: the message is acknowledged and goes nowhere `[MQTT-3.3.5-2]`.
        let denied = client.publish(&message("home/x", b"", QoS::AtLeastOnce));
        let told = if version == Version::V5 { ReasonCode::NOT_AUTHORIZED } else { ReasonCode::SUCCESS };
        assert_eq!(denied, told);
    }
    // Nor is a will taken that the client may not publish.
    let will = mqtt_wire::Will::new(topic_name!("home/x"), b"");
    let connect = Connect { will: Some((&will).into()), ..user("bob", Connect::new(Version::V5, "bob")) };
    assert_eq!(Raw::open(scene.port, Version::V5).refused(connect), ReasonCode::NOT_AUTHORIZED);
}

#[test]
fn subscriptions_are_looked_at_again_when_the_rules_are_others() {
    let guarded = Guarded::new("allow both a\nallow both b\nallow both c/#");
    let scene = Scene::with(guarded.parts());
    let mut client = Raw::v5(scene.port, "client");
    let mut publisher = Raw::v5(scene.port, "publisher");
    let (mut away, _) = Raw::connected(scene.port, lasting("away"));
    for text in ["a", "b", "c/#"] {
        client.subscribe(text, QoS::AtLeastOnce);
        away.subscribe(text, QoS::AtLeastOnce);
    }
    away.goodbye();
    let mut idle = Raw::v5(scene.port, "idle");
    idle.subscribe("b", QoS::AtMostOnce);
    // These wait for the one who is away; some of them may not be read when it comes back.
    for topic in ["a", "b", "c/1", "c/2"] {
        publisher.publish(&message(topic, b"before", QoS::AtLeastOnce));
        let got = client.expect_message(topic, b"before");
        client.acknowledge(&got);
    }
    idle.expect_message("b", b"before");
    guarded.rules("allow write #\nallow read a\nallow read c/1");
    // A client is looked at when it does something, or a message is for it: `idle` does nothing.
    client.ping();
    for topic in ["b", "c/2", "c/1", "a"] {
        publisher.publish(&message(topic, b"after", QoS::AtLeastOnce));
    }
    // `c/#` is more than what is allowed: it is over as a whole.
    let got = client.expect_message("a", b"after");
    client.acknowledge(&got);
    client.ping();
    idle.ping();
    assert_eq!(client.unsubscribe("b"), ReasonCode::NO_SUBSCRIPTION_EXISTED);
    assert_eq!(client.unsubscribe("a"), ReasonCode::SUCCESS);
    let (mut away, present) = Raw::connected(scene.port, lasting("away"));
    assert!(present);
    for (topic, payload) in [("a", "before"), ("c/1", "before"), ("c/1", "after"), ("a", "after")] {
        let got = away.expect_message(topic, payload.as_bytes());
        away.acknowledge(&got);
    }
    away.ping();
    publisher.publish(&message("c/1", b"later", QoS::AtLeastOnce));
    away.ping();
    assert!((scene.metrics().dropped("not_authorised") - 5.0).abs() < f64::EPSILON);
    // What is allowed again is not subscribed to again.
    guarded.rules("allow both #");
    publisher.publish(&message("c/1", b"again", QoS::AtLeastOnce));
    away.ping();
    assert_eq!(away.unsubscribe("c/#"), ReasonCode::NO_SUBSCRIPTION_EXISTED);
}

#[test]
fn a_will_is_looked_at_again_when_its_connection_ends() {
    let guarded = Guarded::new("allow both #");
    let scene = Scene::with(guarded.parts());
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("gone/+", QoS::AtMostOnce);
    let wills = [topic_name!("gone/denied"), topic_name!("gone/allowed")].map(|topic| {
        let will = mqtt_wire::Will::new(topic, b"");
        let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V5, topic.as_str()) };
        Raw::connected(scene.port, connect).0
    });
    guarded.rules("allow both gone/+\ndeny write gone/denied");
    let before = scene.metrics().dropped("not_authorised");
    for client in wills {
        client.cut();
    }
    witness.expect_message("gone/allowed", b"");
    scene.until_shown("mqtt_connections", 1.0);
    witness.ping();
    assert!((scene.metrics().dropped("not_authorised") - before - 1.0).abs() < f64::EPSILON);
}

#[test]
fn what_a_member_of_a_shared_subscription_may_not_have_any_more_goes_to_another_one() {
    let guarded = Guarded::new("allow both #");
    let scene = Scene::with(guarded.parts());
    let open = |name| {
        let one = [Property::ReceiveMaximum(std::num::NonZeroU16::new(1).unwrap())];
        let connect = Connect { properties: Properties::new(&one), ..Connect::new(Version::V5, name) };
        let mut raw = Raw::open(scene.port, Version::V5);
        raw.connect(user(name, connect));
        raw.subscribe("$share/g/jobs", QoS::AtLeastOnce);
        raw
    };
    let mut alice = open("alice");
    let mut publisher = Raw::v5(scene.port, "publisher");
    for n in 0..5_u8 {
        publisher.publish(&message("jobs", &[n], QoS::AtLeastOnce));
    }
    // The other ones wait for their turn.
    let got = alice.expect_message("jobs", &[0]);
    let mut bob = open("bob");
    guarded.rules("allow write #\nuser bob\nallow read jobs");
    alice.acknowledge(&got);
    alice.ping();
    for n in 1..5_u8 {
        let got = bob.expect_message("jobs", &[n]);
        bob.acknowledge(&got);
    }
    bob.ping();
}

#[test]
fn a_session_is_its_users() {
    let guarded = Guarded::new("allow both #");
    let scene = Scene::with(guarded.parts());
    let connect = |name| {
        let mut raw = Raw::open(scene.port, Version::V5);
        let present = raw.connect(user(name, lasting("client")));
        (raw, present)
    };
    let (mut alice, _) = connect("alice");
    alice.subscribe("a", QoS::AtLeastOnce);
    alice.goodbye();
    Raw::v5(scene.port, "publisher").publish(&message("a", b"for alice", QoS::AtLeastOnce));
    let (mut alice, present) = connect("alice");
    assert!(present);
    alice.expect_message("a", b"for alice");
    alice.cut();
    let (mut bob, present) = connect("bob");
    assert!(!present);
    bob.ping();
}
