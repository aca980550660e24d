//! Values of properties without their types: a number, a text, bytes or a pair.

use mqtt_wire::Property;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u32),
    Text(&'a str),
    Bytes(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// The value of a property, as it stands on the wire; `None` for one that is newer than this program.
pub(crate) fn value<'a>(property: &Property<'a>) -> Option<Value<'a>> {
    use Property as P;
    Some(match *property {
        P::PayloadFormatIndicator(yes)
        | P::RequestProblemInformation(yes)
        | P::RequestResponseInformation(yes)
        | P::RetainAvailable(yes)
        | P::WildcardSubscriptionAvailable(yes)
        | P::SubscriptionIdentifierAvailable(yes)
        | P::SharedSubscriptionAvailable(yes) => Value::Number(yes.into()),
        P::MaximumQoS(maximum) => Value::Number(maximum.qos().bits().into()),
        P::ServerKeepAlive(number) | P::TopicAliasMaximum(number) => Value::Number(number.into()),
        P::ReceiveMaximum(number) | P::TopicAlias(number) => Value::Number(number.get().into()),
        P::MessageExpiryInterval(number)
        | P::SessionExpiryInterval(number)
        | P::WillDelayInterval(number) => Value::Number(number),
        P::MaximumPacketSize(number) => Value::Number(number.get()),
        P::SubscriptionIdentifier(id) => Value::Number(id.get()),
        P::ContentType(text)
        | P::AssignedClientIdentifier(text)
        | P::AuthenticationMethod(text)
        | P::ResponseInformation(text)
        | P::ServerReference(text)
        | P::ReasonString(text) => Value::Text(text),
        P::ResponseTopic(topic) => Value::Text(topic.as_str()),
        P::CorrelationData(bytes) | P::AuthenticationData(bytes) => Value::Bytes(bytes),
        P::UserProperty((name, value)) => Value::Pair(name, value),
        _ => return None,
    })
}
