//! MQTT traffic by rumqttc, for captures: `rumqttc-capture 3.1.1|5 HOST PORT SCENARIO...`.
//!
//! Every scenario uses clients of its own and topics under "r/". MAX_QOS in the environment is the highest QoS that the
//! broker has, 2 by default.

use std::env;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(15);

struct Place {
    host: String,
    port: u16,
    highest: u8,
}

/// The scenarios by the types of one version: rumqttc has a module for each, with the same names.
macro_rules! version {
    ($module:ident, $library:path, $clean:ident, $will:expr, $keep:expr) => {
        mod $module {
            use std::sync::mpsc::{Receiver, channel};
            use std::thread;
            use std::time::Duration;

            use $library::{Client, Event, Incoming, MqttOptions};

            use super::{PATIENCE, Place};

            /// A client, and the names of the packets that come for it.
            struct Peer {
                client: Client,
                news: Receiver<&'static str>,
            }

            impl Peer {
                fn open(place: &Place, id: &str, clean: bool, with_will: bool) -> Self {
                    let mut options = MqttOptions::new(id, &place.host, place.port);
                    options.set_keep_alive(Duration::from_secs(30)).$clean(clean).set_credentials("user", "secret");
                    if with_will {
                        options.set_last_will($will);
                    }
                    if !clean {
                        let keep: fn(&mut MqttOptions) = $keep;
                        keep(&mut options);
                    }
                    let (client, mut connection) = Client::new(options, 20);
                    let (tell, news) = channel();
                    thread::spawn(move || {
                        for event in connection.iter() {
                            let name = match event {
                                Ok(Event::Incoming(Incoming::ConnAck(_))) => "CONNACK",
                                Ok(Event::Incoming(Incoming::Publish(_))) => "PUBLISH",
                                Ok(Event::Incoming(Incoming::PubAck(_))) => "PUBACK",
                                Ok(Event::Incoming(Incoming::PubComp(_))) => "PUBCOMP",
                                Ok(Event::Incoming(Incoming::SubAck(_))) => "SUBACK",
                                Ok(Event::Incoming(Incoming::UnsubAck(_))) => "UNSUBACK",
                                Ok(_) => continue,
                                Err(error) => {
                                    eprintln!("rumqttc: {error}");
                                    break;
                                }
                            };
                            if tell.send(name).is_err() {
                                break;
                            }
                        }
                    });
                    let peer = Self { client, news };
                    peer.expect("CONNACK", 1);
                    peer
                }

                fn expect(&self, name: &str, mut count: usize) {
                    while count > 0 {
                        let came = self.news.recv_timeout(PATIENCE);
                        count -= usize::from(came.unwrap_or_else(|_| panic!("no {name}")) == name);
                    }
                }

                fn subscribe(&self, filter: &str, qos: u8) {
                    self.client.subscribe(filter, level!($library, qos)).unwrap();
                    self.expect("SUBACK", 1);
                }

                fn publish(&self, topic: &str, payload: &str, qos: u8, retain: bool) {
                    let payload = payload.as_bytes().to_vec();
                    self.client.publish(topic, level!($library, qos), retain, payload).unwrap();
                    match qos {
                        0 => thread::sleep(Duration::from_millis(50)),
                        1 => self.expect("PUBACK", 1),
                        _ => self.expect("PUBCOMP", 1),
                    }
                }

                fn close(self) {
                    self.client.disconnect().unwrap();
                    thread::sleep(Duration::from_millis(200));
                }
            }

            pub fn qos(place: &Place) {
                let subscriber = Peer::open(place, "r-qos-sub", true, false);
                let publisher = Peer::open(place, "r-qos-pub", true, false);
                for granted in 0..=place.highest {
                    subscriber.subscribe(&format!("r/qos/{granted}/+"), granted);
                }
                for granted in 0..=place.highest {
                    for qos in 0..=place.highest {
                        publisher.publish(&format!("r/qos/{granted}/{qos}"), "by rumqttc", qos, false);
                        subscriber.expect("PUBLISH", 1);
                    }
                }
                subscriber.client.unsubscribe("r/qos/0/+").unwrap();
                subscriber.expect("UNSUBACK", 1);
                publisher.publish("r/qos/0/0", "to nobody", 0, false);
                publisher.close();
                subscriber.close();
            }

            pub fn wills(place: &Place) {
                let watcher = Peer::open(place, "r-will-watch", true, false);
                watcher.subscribe("r/will", 1);
                let mut words: Vec<String> = std::env::args().skip(1).take(3).collect();
                words.push("victim".to_owned());
                let program = std::env::current_exe().unwrap();
                assert!(std::process::Command::new(program).args(words).status().unwrap().success());
                watcher.expect("PUBLISH", 1);
                watcher.close();
            }

            pub fn victim(place: &Place) {
                let _peer = Peer::open(place, "r-will", true, true);
                std::process::exit(0);
            }

            pub fn retained(place: &Place) {
                let publisher = Peer::open(place, "r-ret-pub", true, false);
                for qos in 0..=place.highest {
                    publisher.publish(&format!("r/ret/{qos}"), "kept", qos, true);
                }
                let late = Peer::open(place, "r-ret-late", true, false);
                // What is kept may come before SUBACK.
                late.client.subscribe("r/ret/#", level!($library, place.highest)).unwrap();
                late.expect("PUBLISH", usize::from(place.highest) + 1);
                late.close();
                for qos in 0..=place.highest {
                    publisher.publish(&format!("r/ret/{qos}"), "", qos, true);
                }
                publisher.close();
            }

            pub fn session(place: &Place) {
                let first = Peer::open(place, "r-session", false, false);
                first.subscribe("r/session/+", place.highest);
                first.close();
                let publisher = Peer::open(place, "r-session-pub", true, false);
                for qos in 1..=place.highest {
                    publisher.publish(&format!("r/session/{qos}"), "queued", qos, false);
                }
                publisher.close();
                let again = Peer::open(place, "r-session", false, false);
                again.expect("PUBLISH", usize::from(place.highest));
                thread::sleep(Duration::from_millis(200));
                again.close();
            }
        }
    };
}

macro_rules! level {
    ($library:path, $qos:expr) => {{
        use $library as library;
        match $qos {
            0 => library::mqttbytes::QoS::AtMostOnce,
            1 => library::mqttbytes::QoS::AtLeastOnce,
            _ => library::mqttbytes::QoS::ExactlyOnce,
        }
    }};
}
use level;

version!(v311, rumqttc, set_clean_session,
    rumqttc::LastWill::new("r/will", "gone", rumqttc::QoS::AtLeastOnce, false), |_| ());
version!(v5, rumqttc::v5, set_clean_start,
    rumqttc::v5::mqttbytes::v5::LastWill::new("r/will", "gone", rumqttc::v5::mqttbytes::QoS::AtLeastOnce, false, None),
    |options| { options.set_session_expiry_interval(Some(60)); });

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [version, host, port, scenarios @ ..] = &words[..] else {
        panic!("usage: rumqttc-capture 3.1.1|5 HOST PORT SCENARIO...")
    };
    let highest = env::var("MAX_QOS").map_or(2, |text| text.parse().expect("MAX_QOS is a number"));
    let place = Place { host: host.clone(), port: port.parse().expect("a port"), highest };
    for scenario in scenarios {
        match (version.as_str(), scenario.as_str()) {
            ("3.1.1", "qos") => v311::qos(&place),
            ("3.1.1", "wills") => v311::wills(&place),
            ("3.1.1", "victim") => v311::victim(&place),
            ("3.1.1", "retained") => v311::retained(&place),
            ("3.1.1", "session") => v311::session(&place),
            ("5", "qos") => v5::qos(&place),
            ("5", "wills") => v5::wills(&place),
            ("5", "victim") => v5::victim(&place),
            ("5", "retained") => v5::retained(&place),
            ("5", "session") => v5::session(&place),
            other => panic!("no such version and scenario: {other:?}"),
        }
    }
}
