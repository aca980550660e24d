//! Enhanced authentication (section 4.12 of 5.0).

use mqtt_session::{HandleError, Input, Refusal, Session};
use mqtt_wire::{Auth, ConnAck, Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, Version};

use crate::side::*;

const METHOD: &[Property<'static>] = &[Property::AuthenticationMethod("SCRAM")];
const OTHER: &[Property<'static>] = &[Property::AuthenticationMethod("OTHER")];
const ASK: &[Property<'static>] = &[SMALL[0], SMALL[1], METHOD[0]];
const GRANT: &[Property<'static>] = &[SMALL[0], METHOD[0]];

fn auth(code: ReasonCode, properties: &'static [Property<'static>]) -> Auth<'static> {
    Auth::new(code, Properties::new(properties))
}

fn asking() -> Connect<'static> {
    Connect { properties: Properties::new(ASK), ..hello(Version::V5) }
}

fn granting(properties: &'static [Property<'static>]) -> ConnAck<'static> {
    ConnAck { properties: Properties::new(properties), ..ConnAck::new(ReasonCode::SUCCESS) }
}

const MORE: ReasonCode = ReasonCode::CONTINUE_AUTHENTICATION;
const AGAIN: ReasonCode = ReasonCode::RE_AUTHENTICATE;
const SUCCESS: ReasonCode = ReasonCode::SUCCESS;

/// A client whose CONNECT with a method was sent.
fn begin(session: &mut Session<Slots>) -> mqtt_session::Link<'_, mqtt_session::Client, Slots> {
    let mut link = dial(session, Version::V5);
    assert_eq!(lines(link.connect(&asking(), 0).unwrap()), ["CONNECT"]);
    link
}

#[test]
fn a_client_answers_in_turn_with_the_method_of_connect() {
    let mut session = session();
    let mut link = begin(&mut session);
    assert_eq!(link.auth(&auth(MORE, METHOD), 0).err(), Some(Refusal::Auth));
    assert!(matches!(link.handle(auth(MORE, METHOD).into(), 0), Ok(Input::Auth(_))));
    // Nothing but AUTH and DISCONNECT may be sent now.
    assert_eq!(link.publish(&Publish::new(topic(), b""), QoS::AtMostOnce, 1), Err(Refusal::NotOpen));
    assert_eq!(link.auth(&auth(AGAIN, METHOD), 0).err(), Some(Refusal::Auth));
    assert_eq!(link.auth(&auth(MORE, OTHER), 0).err(), Some(Refusal::AuthMethod));
    assert_eq!(lines(link.auth(&auth(MORE, METHOD), 0).unwrap()), ["AUTH 0x18"]);
    assert_eq!(link.auth(&auth(MORE, METHOD), 0).err(), Some(Refusal::Auth));
    assert!(matches!(link.handle(granting(GRANT).into(), 0), Ok(Input::Connected(_))));
    // Again, on the client's word, with other packets in between.
    assert_eq!(link.auth(&auth(MORE, METHOD), 0).err(), Some(Refusal::Auth));
    assert_eq!(link.auth(&auth(AGAIN, OTHER), 0).err(), Some(Refusal::AuthMethod));
    assert_eq!(lines(link.auth(&auth(AGAIN, METHOD), 0).unwrap()), ["AUTH 0x19"]);
    assert_eq!(publish(&mut link, QoS::AtMostOnce, 1), ["PUBLISH key 1 QoS 0"]);
    assert!(matches!(link.handle(auth(MORE, METHOD).into(), 0), Ok(Input::Auth(_))));
    assert_eq!(lines(link.auth(&auth(MORE, METHOD), 0).unwrap()), ["AUTH 0x18"]);
    assert!(matches!(link.handle(auth(SUCCESS, METHOD).into(), 0), Ok(Input::Auth(_))));
    assert_eq!(refuse(&mut link, auth(MORE, METHOD)).0, "U-4.12");
}

#[test]
fn a_client_closes_when_the_server_names_another_method_or_none() {
    let mut session = session();
    let mut link = begin(&mut session);
    assert_eq!(refuse(&mut link, auth(MORE, OTHER)).0, "MQTT-4.12.0-5");
    drop(link);
    for wrong in [&GRANT[..1], OTHER] {
        let mut link = begin(&mut session);
        assert_eq!(refuse(&mut link, granting(wrong)).0, "MQTT-4.12.0-5");
    }
    // Success alone does not end the first exchange: CONNACK does.
    let mut link = begin(&mut session);
    assert_eq!(refuse(&mut link, auth(SUCCESS, METHOD)).0, "U-4.12");
}

#[test]
fn without_a_method_nobody_sends_auth() {
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V5);
    assert_eq!(link.auth(&auth(AGAIN, METHOD), 0).err(), Some(Refusal::Auth));
    assert_eq!(refuse(&mut link, auth(MORE, METHOD)).0, "MQTT-4.12.0-7");
    drop(link);
    let mut session = crate::side::session();
    let mut link = dial(&mut session, Version::V5);
    let _ = lines(link.connect(&hello(Version::V5), 0).unwrap());
    assert_eq!(refuse(&mut link, granting(GRANT)).0, "MQTT-4.12.0-5");
    drop(link);
    let mut session = crate::side::session();
    let mut link = answer(&mut session, &hello(Version::V5));
    assert_eq!(link.auth(&auth(MORE, METHOD), 0).err(), Some(Refusal::Auth));
    assert_eq!(link.connack(&granting(GRANT), 0).err(), Some(Refusal::AuthMethod));
    let _ = lines(link.connack(&granting(&GRANT[..1]), 0).unwrap());
    assert_eq!(refuse(&mut link, auth(AGAIN, METHOD)).0, "MQTT-4.12.0-7");
}

#[test]
fn a_server_asks_in_turn_with_the_method_of_connect() {
    let mut session = session();
    let mut link = answer(&mut session, &asking());
    assert_eq!(link.auth(&auth(SUCCESS, METHOD), 0).err(), Some(Refusal::Auth));
    assert_eq!(link.auth(&auth(AGAIN, METHOD), 0).err(), Some(Refusal::Auth));
    assert_eq!(link.auth(&auth(MORE, OTHER), 0).err(), Some(Refusal::AuthMethod));
    assert_eq!(lines(link.auth(&auth(MORE, METHOD), 0).unwrap()), ["AUTH 0x18"]);
    assert!(matches!(link.handle(auth(MORE, METHOD).into(), 0), Ok(Input::Auth(_))));
    assert_eq!(link.connack(&granting(&GRANT[..1]), 0).err(), Some(Refusal::AuthMethod));
    assert_eq!(lines(link.connack(&granting(GRANT), 0).unwrap()), ["CONNACK 0x00 present 0"]);
    assert!(matches!(link.handle(auth(AGAIN, METHOD).into(), 0), Ok(Input::Auth(_))));
    assert_eq!(lines(link.auth(&auth(SUCCESS, METHOD), 0).unwrap()), ["AUTH 0x00"]);
    // A re-authentication that fails ends with the connection.
    assert!(matches!(link.handle(auth(AGAIN, METHOD).into(), 0), Ok(Input::Auth(_))));
    link.close(ReasonCode::NOT_AUTHORIZED);
    assert_eq!(out(&mut link), ["DISCONNECT 0x87", "close 0x87"]);
}

#[test]
fn a_server_may_refuse_at_any_step_and_closes() {
    let mut session = session();
    let mut link = answer(&mut session, &asking());
    assert_eq!(lines(link.auth(&auth(MORE, METHOD), 0).unwrap()), ["AUTH 0x18"]);
    assert!(matches!(link.handle(auth(MORE, METHOD).into(), 0), Ok(Input::Auth(_))));
    let refused = ConnAck::new(ReasonCode::BAD_AUTHENTICATION_METHOD);
    assert_eq!(lines(link.connack(&refused, 0).unwrap()), ["CONNACK 0x8c present 0", "close 0x8c"]);
}

#[test]
fn a_client_that_authenticates_sends_nothing_else_before_connack() {
    let mut session = session();
    let mut link = answer(&mut session, &asking());
    assert_eq!(refuse(&mut link, Packet::PingReq).0, "MQTT-3.1.2-30");
    drop(link);
    let mut link = answer(&mut session, &asking());
    assert!(matches!(link.handle(auth(MORE, METHOD).into(), 0), Err(HandleError::Violation(_))));
}
