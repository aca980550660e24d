//! PostgreSQL.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio_postgres::{Client, NoTls};

use crate::process::{Broker, Group, does_listen, free_port, program, until};
use crate::publisher::block_on;
use crate::stories::{Far, killed_in_mid_stream, stays_away, table};

/// Whom PostgreSQL runs as where the tests run as root, as which it does not run.
const NOBODY: u32 = 65_534;

struct Postgres {
    server: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    group: Option<Group>,
}

impl Postgres {
    fn new() -> Option<Self> {
        // Debian has them in a folder for each version.
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<_> =
            versions.map(|version| version.path().join("bin").display().to_string()).collect();
        folders.sort();
        folders.reverse();
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        let (initdb, server) = (program("initdb", &folders)?, program("postgres", &folders)?);
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if is_root(&data) {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), None).unwrap();
            std::os::unix::fs::chown(&data, Some(NOBODY), None).unwrap();
        }
        let mut command = as_somebody(&initdb, &data);
        let made = command
            .args(["-U", "rumah", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data);
        let made = made.stdout(Stdio::null()).status().unwrap();
        assert!(made.success());
        Some(Self { server, folder, port: free_port(), group: None })
    }

    fn url(&self) -> String {
        format!("postgres://rumah@127.0.0.1:{}/postgres", self.port)
    }

    async fn connect(&self) -> Client {
        loop {
            if let Ok((client, connection)) = tokio_postgres::connect(&self.url(), NoTls).await {
                tokio::spawn(connection);
                return client;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// The tests run as whoever owns what they make.
fn is_root(made: &Path) -> bool {
    std::fs::metadata(made).unwrap().uid() == 0
}

fn as_somebody(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    if std::fs::metadata(data).unwrap().uid() == NOBODY {
        command.uid(NOBODY);
    }
    command.current_dir("/");
    command
}

impl Far for Postgres {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn config(&self) -> String {
        format!("url = '{}'\ntable = 'meter'\n", self.url())
    }

    fn start(&mut self) {
        let data = self.folder.path().join("data");
        let mut command = as_somebody(&self.server, &data);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-p"]);
        command.arg(self.port.to_string()).arg("-D").arg(&data);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Group::start(&mut command);
        until("it listens", || {
            // While processes of the server that was killed are still there, a new one ends at once.
            if server.has_ended() {
                server = Group::start(&mut command);
            }
            does_listen(self.port)
        });
        self.group = Some(server);
        block_on(async { drop(self.connect().await) });
    }

    fn kill(&mut self) {
        self.group = None;
    }

    fn numbers(&mut self) -> Vec<u64> {
        block_on(async {
            let rows = self.connect().await.query("SELECT payload->>'number' FROM meter", &[]).await;
            // The sink makes the table.
            let rows = rows.unwrap_or_default();
            rows.iter().map(|row| row.get::<_, String>(0).parse().unwrap()).collect()
        })
    }
}

#[test]
fn postgres_is_killed_in_mid_stream() {
    let Some(mut far) = Postgres::new() else { return };
    assert_eq!(killed_in_mid_stream(&mut far), 0, "the number of a message is the key");
}

#[test]
fn postgres_stays_away() {
    let Some(mut far) = Postgres::new() else { return };
    stays_away(&mut far);
}

/// A topic, and what is in `payload` and in `payload_bytes`.
type Row<'a> = (&'a str, Option<&'a str>, Option<&'a [u8]>);

/// Payloads of all kinds, in the columns that are said to have them; a message that the database cannot have is given up
/// alone.
#[test]
fn postgres_has_what_was_published() {
    use mqtt_wire::{Property, QoS};
    use mqtt_wire_client::{Client, MessageBuf};

    let Some(mut far) = Postgres::new() else { return };
    far.start();
    // A table that somebody else has made, with a rule of its own.
    block_on(async {
        let client = far.connect().await;
        let made = mqtt_broker::sink::postgres::schema("meter")
            .replace("text NOT NULL", "text NOT NULL CHECK (topic <> 'meter/no')");
        client.batch_execute(&made).await.unwrap();
        let rule = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF NEW.topic = 'meter/never' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON meter FOR EACH ROW EXECUTE FUNCTION refuse()";
        client.batch_execute(rule).await.unwrap();
    });
    let broker = Broker::start(&table(&far, ""));
    let sent: [(&str, &[u8]); 7] = [
        ("meter/json", b"{\n \"celsius\": 21.50 }"),
        ("meter/number", b"21.5"),
        ("meter/no", b"1"),
        ("meter/never", b"1"),
        ("meter/text", b"menyala \0\""),
        ("meter/bytes", b"\xff\x00"),
        ("meter/nothing", b""),
    ];
    block_on(async {
        let (client, _messages) = Client::connect(crate::publisher::options(broker.address)).await.unwrap();
        let mut deliveries = Vec::new();
        for (topic, payload) in sent {
            let mut message = MessageBuf::new(topic, payload).unwrap().with_qos(QoS::ExactlyOnce);
            message.properties.push(Property::ContentType("a")).unwrap();
            message.properties.push(Property::UserProperty(("k", "v"))).unwrap();
            deliveries.push(client.publish(message).await.unwrap());
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        client.disconnect().await.unwrap();
    });
    let query = "SELECT topic, payload::text, payload_bytes, properties::text, qos, retain,
        abs(extract(epoch FROM now() - arrived)) < 100 FROM meter ORDER BY id";
    let mut rows = Vec::new();
    until("five arrive", || {
        rows = block_on(async { far.connect().await.query(query, &[]).await.unwrap() });
        rows.len() == 5
    });
    let text = r#""menyala \u0000\"""#;
    let expected: [Row<'_>; 5] = [
        ("meter/json", Some("{  \"celsius\": 21.50 }"), None),
        ("meter/number", Some("21.5"), None),
        ("meter/text", Some(text), None),
        ("meter/bytes", None, Some(b"\xff\x00")),
        ("meter/nothing", Some("\"\""), None),
    ];
    for (row, (topic, payload, bytes)) in rows.iter().zip(expected) {
        let is = (row.get::<_, &str>(0), row.get::<_, Option<&str>>(1), row.get::<_, Option<&[u8]>>(2));
        assert_eq!(is, (topic, payload, bytes));
        let properties = r#"{"content-type":"a","user-properties":[{"k":"v"}]}"#;
        assert_eq!(row.get::<_, &str>(3), properties);
        assert_eq!((row.get::<_, i16>(4), row.get::<_, bool>(5), row.get::<_, bool>(6)), (2, false, true));
    }
    let log = std::fs::read_to_string(broker.file("log")).unwrap();
    for topic in ["meter/no", "meter/never"] {
        assert!(log.contains("a message is given up, it is refused") && log.contains(topic), "{log}");
    }
}
