// What stands here is no part of the library: examples in its documentation include it, so that they have a server.

/// Where a server of MQTT 5.0 listens that runs in the example itself. Messages go to the client that has published them,
/// if it has subscribed to them. A guest (`tamu`) is not let in, and nobody may publish below `rahasia/`.
async fn server() -> std::io::Result<mqtt_wire_client::Address> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // That a client is gone is no fault of an example.
            tokio::spawn(async move { drop(serve(socket).await) });
        }
    });
    Ok(mqtt_wire_client::Address::new("127.0.0.1", port))
}

async fn serve(mut socket: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use mqtt_wire_client::mqtt_wire::topic::TopicFilterBuf;
    use mqtt_wire_client::mqtt_wire::{
        Ack, ConnAck, Decoded, Delivery, Packet, PacketId, Publish, ReasonCode, SubAck, UnsubAck, Version,
        decode,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut filters: Vec<TopicFilterBuf> = Vec::new();
    let mut input = Vec::new();
    while socket.read_buf(&mut input).await? > 0 {
        while let Decoded::Packet { packet, len } = decode(&input, Version::V5)? {
            let (mut codes, mut answers) = (Vec::new(), Vec::new());
            match packet {
                Packet::Connect(connect) if connect.user_name == Some("tamu") => {
                    answers.push(ConnAck::new(ReasonCode::NOT_AUTHORIZED).into());
                }
                Packet::Connect(_) => answers.push(ConnAck::new(ReasonCode::SUCCESS).into()),
                Packet::Subscribe(subscribe) => {
                    for wanted in subscribe.subscriptions {
                        filters.push(wanted.filter.to_buf());
                        codes.push(ReasonCode::granted(wanted.options().maximum_qos));
                    }
                    answers.push(SubAck::new(subscribe.packet_id, &codes).into());
                }
                Packet::Unsubscribe(unsubscribe) => {
                    for unwanted in unsubscribe.filters {
                        filters.retain(|filter| filter.as_filter() != unwanted);
                        codes.push(ReasonCode::SUCCESS);
                    }
                    answers.push(UnsubAck::new(unsubscribe.packet_id, &codes).into());
                }
                Packet::Publish(publish) => {
                    let topic = publish.topic.ok_or("a server without aliases")?;
                    let is_secret = topic.as_str().starts_with("rahasia/");
                    let code = if is_secret { ReasonCode::NOT_AUTHORIZED } else { ReasonCode::SUCCESS };
                    let ack = |id| Ack { reason_code: code, ..Ack::new(id) };
                    let wanted = !is_secret && filters.iter().any(|filter| filter.as_filter().matches(topic));
                    if wanted {
                        let delivery = match publish.delivery {
                            Delivery::AtMostOnce => Delivery::AtMostOnce,
                            _ => Delivery::AtLeastOnce(PacketId::MIN),
                        };
                        answers.push(Packet::Publish(Publish { delivery, ..publish }));
                    }
                    match publish.delivery {
                        Delivery::AtMostOnce => {}
                        Delivery::AtLeastOnce(id) => answers.push(Packet::PubAck(ack(id))),
                        Delivery::ExactlyOnce(id) => answers.push(Packet::PubRec(ack(id))),
                    }
                }
                Packet::PubRel(pubrel) => answers.push(Packet::PubComp(Ack::new(pubrel.packet_id))),
                Packet::PingReq => answers.push(Packet::PingResp),
                Packet::Disconnect(_) => return Ok(()),
                _ => {}
            }
            let mut out = Vec::new();
            for answer in answers {
                answer.encode(Version::V5, &mut out)?;
            }
            socket.write_all(&out).await?;
            input.drain(..len);
        }
    }
    Ok(())
}
