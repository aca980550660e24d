//! JSON lines.

use std::collections::BTreeSet;
use std::path::Path;

use mqtt_wire::QoS;

use crate::process::{Broker, until};
use crate::publisher::{Publisher, publish_all};
use crate::stories::{Far, stays_away};

/// The numbers in a file, every line of which is whole.
fn numbers(file: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let number = |line: &str| {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line["topic"], "meter/one");
        line["payload"]["number"].as_u64().unwrap()
    };
    whole.lines().map(number).collect()
}

const SINK: &str = "[[sink.json]]\nname = 'far'\nfilters = ['meter/#']\nfile = 'lines'\n";

#[test]
fn the_broker_is_killed_while_it_writes() {
    const KILLS: usize = 5;
    let mut broker = Broker::start(SINK);
    let publisher = Publisher::start(broker.address, "meter/one", QoS::ExactlyOnce);
    for kill in 1..=KILLS {
        until("messages are acknowledged", || publisher.acknowledged() >= kill * 300);
        broker.kill();
        // What a crash may leave.
        if kill == 2 {
            use std::io::Write;
            let mut file = std::fs::OpenOptions::new().append(true).open(broker.file("lines")).unwrap();
            file.write_all(b"{\"id\":\"1").unwrap();
        }
        broker.start_again();
    }
    let outcome = publisher.finish();
    let (mut arrived, file) = (Vec::new(), broker.file("lines"));
    until("all messages arrive", || {
        arrived = numbers(&file);
        outcome.acknowledged.is_subset(&arrived.iter().copied().collect())
    });
    let distinct: BTreeSet<u64> = arrived.iter().copied().collect();
    println!(
        "json: the broker killed {KILLS} times: {} acknowledged, {} distinct lines, 0 lost, {} came again",
        outcome.acknowledged.len(),
        distinct.len(),
        arrived.len() - distinct.len()
    );
}

/// A file whose folder is not there.
struct Missing {
    folder: tempfile::TempDir,
}

impl Far for Missing {
    fn kind(&self) -> &'static str {
        "json"
    }

    fn config(&self) -> String {
        format!("file = '{}'\n", self.folder.path().join("later/lines").display())
    }

    fn start(&mut self) {
        std::fs::create_dir(self.folder.path().join("later")).unwrap();
    }

    fn kill(&mut self) {}

    fn numbers(&mut self) -> Vec<u64> {
        numbers(&self.folder.path().join("later/lines"))
    }
}

#[test]
fn the_folder_is_not_there() {
    stays_away(&mut Missing { folder: tempfile::tempdir().unwrap() });
}

#[test]
fn a_file_that_was_moved_away_is_made_again_on_sighup() {
    let broker = Broker::start(SINK);
    let (file, moved) = (broker.file("lines"), broker.file("lines.1"));
    publish_all(broker.address, "meter/one", 0..10, 0);
    until("the first ten are there", || numbers(&file).len() == 10);
    std::fs::rename(&file, &moved).unwrap();
    publish_all(broker.address, "meter/one", 10..20, 0);
    until("the next ten follow the file", || numbers(&moved).len() == 20);
    broker.signal("-HUP");
    until("it is made again", || file.exists());
    publish_all(broker.address, "meter/one", 20..30, 0);
    until("the last ten are in the new one", || numbers(&file).len() == 10);
    assert_eq!(numbers(&moved).len(), 20);
}

/// A sink that is not configured any more keeps what waits, and takes nothing; when it is back, it goes on.
#[test]
fn a_sink_that_is_taken_away_keeps_what_waits() {
    let away = SINK.replace("lines", "missing/lines");
    let mut broker = Broker::start(&away);
    assert_eq!(publish_all(broker.address, "meter/one", 0..10, 0).acknowledged.len(), 10);
    broker.terminate();
    broker.configure("");
    broker.start_again();
    publish_all(broker.address, "meter/one", 10..20, 0);
    let log = std::fs::read_to_string(broker.file("log")).unwrap();
    assert!(log.contains("10 messages wait until it is again"), "{log}");
    broker.terminate();
    broker.configure(SINK);
    broker.start_again();
    let file = broker.file("lines");
    until("what waited is there", || numbers(&file).len() >= 10);
    assert_eq!(numbers(&file), (0..10).collect::<Vec<_>>());
}

/// A message for which the queue has no room even when it is empty is refused for good, so that whoever publishes it does
/// not come with it again and again.
#[test]
fn a_message_that_is_larger_than_the_queue_is_refused_for_good() {
    use mqtt_wire::ReasonCode;
    use mqtt_wire_client::{Client, MessageBuf, PublishError};
    let broker = Broker::start(&format!("{SINK}queue_bytes = 1000\n"));
    let refused = crate::publisher::block_on(async {
        let (client, _messages) = Client::connect(crate::publisher::options(broker.address)).await.unwrap();
        let message = MessageBuf::new("meter/one", vec![b'x'; 2000]).unwrap().with_qos(QoS::AtLeastOnce);
        client.publish(message).await.unwrap().await
    });
    assert_eq!(refused, Err(PublishError::Refused(ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR)));
}

/// The shape of a line.
#[test]
fn a_line_is_what_the_client_prints() {
    use mqtt_wire::Property;
    use mqtt_wire_client::{Client, MessageBuf};
    let broker = Broker::start(SINK);
    let sent: [(QoS, &[u8]); 4] = [
        (QoS::AtLeastOnce, b"{\n \"celsius\": 21.50 }"),
        (QoS::ExactlyOnce, b"menyala\n"),
        (QoS::AtLeastOnce, b"\xff\x00"),
        (QoS::AtMostOnce, b""),
    ];
    crate::publisher::block_on(async {
        let (client, _messages) = Client::connect(crate::publisher::options(broker.address)).await.unwrap();
        for (qos, payload) in sent {
            let mut message = MessageBuf::new("meter/two", payload).unwrap().with_qos(qos);
            message.properties.push(Property::CorrelationData(b"\xff")).unwrap();
            client.publish(message).await.unwrap().await.unwrap();
        }
        client.disconnect().await.unwrap();
    });
    let file = broker.file("lines");
    let text = || std::fs::read_to_string(&file).unwrap_or_default();
    until("four lines are there", || text().lines().count() == 4);
    let rests = [
        r#""qos":1,"retain":0,"payloadlen":21,"properties":{"correlation-data":"ff"},"payload":{  "celsius": 21.50 }}"#,
        r#""qos":2,"retain":0,"payloadlen":8,"properties":{"correlation-data":"ff"},"payload":"menyala\n"}"#,
        r#""qos":1,"retain":0,"payloadlen":2,"properties":{"correlation-data":"ff"},"payload_base64":"/wA="}"#,
        r#""qos":0,"retain":0,"payloadlen":0,"properties":{"correlation-data":"ff"},"payload":""}"#,
    ];
    for (line, rest) in text().lines().zip(rests) {
        let (id, after) = line.strip_prefix(r#"{"id":""#).unwrap().split_once('"').unwrap();
        assert!(id.parse::<u64>().is_ok_and(|id| id < 1 << 62), "{line}");
        let after = after.strip_prefix(r#","tst":""#).unwrap();
        let (tst, after) = after.split_once('"').unwrap();
        assert!(tst.len() == 31 && tst.ends_with("+0000") && tst.starts_with("20"), "{tst}");
        assert_eq!(after.strip_prefix(r#","topic":"meter/two","#), Some(rest));
    }
}

/// A client cannot take the session of a sink.
#[test]
fn the_name_of_a_sink_is_no_clients() {
    let broker = Broker::start(SINK);
    let mut options = crate::publisher::options(broker.address);
    options.reconnect = None;
    "$sink/far".clone_into(&mut options.client_id);
    let refused =
        crate::publisher::block_on(mqtt_wire_client::Client::connect(options)).map(|_| ()).unwrap_err();
    assert!(matches!(
        refused,
        mqtt_wire_client::Error::Refused { code: mqtt_wire::ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, .. }
    ));
}
