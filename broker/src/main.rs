//! `mqtt-broker`: an MQTT broker in one program.

use mqtt_broker::listener::Bound;
use mqtt_broker::server::{Broker, Parts};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).init();
    let mut broker = Broker::start(Parts { sys_interval: 10, ..Parts::default() })?;
    let bound = Bound::tcp("127.0.0.1:18830".parse()?).await?;
    println!("listening on {}", bound.address()?);
    broker.listen(bound);
    tokio::signal::ctrl_c().await?;
    broker.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}
