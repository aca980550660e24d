//! rumqttc against the broker: a line a case, "FEATURE QOS ok" or what went wrong instead of ok.
//!
//! ```text
//! with-rumqttc VERSION TRANSPORT PORT CA
//! ```

mod client;

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use client::{Client, Place, Seen, Wanted};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // Without a provider of its own rumqttc takes the one of the process, which is set once.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [version, transport, port, ca] = &args[..] else { bail!("with-rumqttc VERSION TRANSPORT PORT CA") };
    let is_v5 = match &version[..] {
        "3.1.1" => false,
        "5.0" => true,
        other => bail!("{other} is no version that rumqttc has"),
    };
    let place = Place { is_v5, transport: transport.clone(), port: port.parse()?, ca: std::fs::read(ca)? };
    for qos in 0..=2 {
        tell("in_order", Some(qos), in_order(&place, qos)).await;
        tell("retained", Some(qos), retained(&place, qos)).await;
        tell("will", Some(qos), will(&place, qos)).await;
        tell("session", Some(qos), session(&place, qos)).await;
        tell("large", Some(qos), large(&place, qos)).await;
        tell("oversized", Some(qos), oversized(&place, qos)).await;
    }
    tell("password", None, password(&place)).await;
    tell("denied", None, denied(&place)).await;
    tell("takeover", None, takeover(&place)).await;
    Ok(())
}

async fn tell(feature: &str, qos: Option<u8>, test: impl Future<Output = Result<()>>) {
    let qos = qos.map_or("-".to_owned(), |qos| qos.to_string());
    match test.await {
        Ok(()) => println!("{feature} {qos} ok"),
        Err(error) => println!("{feature} {qos} {}", format!("{error:#}").replace('\n', " ")),
    }
}

/// A name that nobody else has.
fn name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("rumqttc{:x}{:x}", now.as_nanos() % (1 << 60), std::process::id())
}

async fn in_order(place: &Place, qos: u8) -> Result<()> {
    let topic = name();
    let (mut sub, mut publisher) = (Client::open(place).await?, Client::open(place).await?);
    sub.subscribe(&topic, qos).await?;
    for n in 0..20 {
        publisher.publish(&topic, format!("{n}").as_bytes(), qos, false).await?;
    }
    for n in 0..20 {
        sub.expect(format!("{n}").as_bytes(), qos, false).await?;
    }
    Ok(())
}

async fn retained(place: &Place, qos: u8) -> Result<()> {
    let topic = name();
    let mut publisher = Client::open(place).await?;
    publisher.publish(&topic, b"kept", qos, true).await?;
    // At QoS 0 nobody would know when it is done, so something is acknowledged behind it.
    publisher.publish(&name(), b"", 1, false).await?;
    let mut sub = Client::open(place).await?;
    sub.subscribe(&topic, qos).await?;
    sub.expect(b"kept", qos, true).await?;
    publisher.publish(&topic, b"", qos.max(1), true).await?;
    let mut sub = Client::open(place).await?;
    sub.subscribe(&topic, qos).await?;
    publisher.publish(&topic, b"live", qos, false).await?;
    sub.expect(b"live", qos, false).await
}

async fn will(place: &Place, qos: u8) -> Result<()> {
    let topic = name();
    let mut sub = Client::open(place).await?;
    sub.subscribe(&topic, qos).await?;
    let dying = Wanted { will: Some((topic.clone(), qos)), ..Wanted::new(name()) };
    Client::connected(place, dying).await?.cut().await;
    sub.expect(client::WILL, qos, false).await
}

async fn session(place: &Place, qos: u8) -> Result<()> {
    let (topic, id) = (name(), name());
    let wanted = Wanted { clean: false, ..Wanted::new(id.clone()) };
    let mut sub = Client::connected(place, wanted.clone()).await?;
    sub.subscribe(&topic, qos).await?;
    sub.end().await?;
    let mut publisher = Client::open(place).await?;
    if qos > 0 {
        publisher.publish(&topic, b"waited", qos, false).await?;
    }
    let mut sub = Client::connected(place, wanted).await?;
    ensure!(sub.present, "no session");
    if qos == 0 {
        publisher.publish(&topic, b"waited", qos, false).await?;
    }
    sub.expect(b"waited", qos, false).await?;
    sub.end().await?;
    Client::connected(place, Wanted::new(id)).await?.end().await
}

async fn large(place: &Place, qos: u8) -> Result<()> {
    let topic = name();
    let payload: Vec<u8> = (0..90_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (mut sub, mut publisher) = (Client::open(place).await?, Client::open(place).await?);
    sub.subscribe(&topic, qos).await?;
    publisher.publish(&topic, &payload, qos, false).await?;
    sub.expect(&payload, qos, false).await
}

async fn oversized(place: &Place, qos: u8) -> Result<()> {
    let topic = name();
    let (mut sub, mut client) = (Client::open(place).await?, Client::open(place).await?);
    sub.subscribe(&topic, qos).await?;
    client.begin_publish(&topic, &[0; 200_000], qos, false).await?;
    let why = client.ended().await?;
    // With 5.0 the client knows the Maximum Packet Size of CONNACK, and refuses.
    ensure!(!place.is_v5 || why.contains("maximum packet size"), "it ended with {why:?}");
    let mut publisher = Client::open(place).await?;
    publisher.publish(&topic, b"small", qos, false).await?;
    sub.expect(b"small", qos, false).await
}

async fn password(place: &Place) -> Result<()> {
    let right = Wanted { user: Some(("alice", "secret")), ..Wanted::new(name()) };
    Client::connected(place, right).await?.end().await?;
    let wrong = Wanted { user: Some(("alice", "wrong")), ..Wanted::new(name()) };
    let why = Client::begin(place, wrong).ended().await?;
    ensure!(why.contains("refused"), "it ended with {why:?}");
    Ok(())
}

async fn denied(place: &Place) -> Result<()> {
    let mut client = Client::open(place).await?;
    let code = client.subscribe("secret/x", 1).await?;
    ensure!(code.contains(if place.is_v5 { "NotAuthorized" } else { "Failure" }), "SUBACK {code}");
    if place.is_v5 {
        client.begin_publish("secret/x", b"a", 1, false).await?;
        let code = client.next(|seen| if let Seen::Acked(code) = seen { Some(code) } else { None }).await;
        let code = code.context("PUBACK")?;
        ensure!(code.contains("NotAuthorized"), "PUBACK {code}");
    }
    client.end().await
}

async fn takeover(place: &Place) -> Result<()> {
    let id = name();
    let mut first = Client::connected(place, Wanted::new(id.clone())).await?;
    let mut second = Client::connected(place, Wanted::new(id)).await?;
    // Why is not looked at: rumqttc may find the end of the stream before the DISCONNECT that has come with it.
    first.ended().await?;
    second.subscribe(&name(), 0).await?;
    second.end().await
}
