//! A client with tokio: a lamp that listens to its switch and says how it is. `tokio-client localhost:1883`
//!
//! It ends when the switch says `selesai`.

use mqtt_wire::QoS;
use mqtt_wire_client::{Client, MessageBuf, Options, Url};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = std::env::args().nth(1).unwrap_or_else(|| "localhost:1883".to_owned());
    let url: Url = format!("mqtt://{place}").parse()?;
    let (client, mut switch) = Client::connect(Options::new(url.address)).await?;
    client.subscribe("rumahkami/lantaidasar/ruangtamu/lampu/sakelar", QoS::AtLeastOnce).await?;
    println!("ready");
    while let Some(mut message) = switch.recv().await {
        let state = message.payload_bytes();
        let says =
            MessageBuf { retain: true, ..MessageBuf::new("rumahkami/lantaidasar/ruangtamu/lampu", state)? };
        // Acknowledged by the server first; then the switch may forget what it has said.
        client.publish(says.with_qos(QoS::AtLeastOnce)).await?.await?;
        let last = message.payload() == b"selesai";
        // One that comes again over a new connection switches the lamp once more to the same.
        let _ = message.accept().await;
        if last {
            break;
        }
    }
    client.disconnect().await?;
    Ok(())
}
