//! What goes wrong, what to try, and the exit code for it.

use std::fmt;
use std::io;

use mqtt_wire_client::mqtt_wire::ReasonCode;
use mqtt_wire_client::{Error, PublishError, SubscribeError};

/// The exit code for wrong arguments.
pub(crate) const USAGE: u8 = 2;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments do not fit together.
    Usage(String),
    /// There is no connection.
    Client(Error),
    /// So many messages were not delivered; why the first was not.
    NotDelivered(u64, PublishError),
    /// The subscription to this filter was refused.
    NotSubscribed(String, ReasonCode),
    /// The end of the subscription to this filter was refused.
    NotUnsubscribed(String, ReasonCode),
    /// The subscription could not be asked for.
    Subscribe(SubscribeError),
    /// Nothing has come in time.
    TooLate(String),
    /// A file or stream.
    Io(String, io::Error),
    /// Standard output was closed by its reader.
    OutputClosed,
    /// Ctrl-C before it was done.
    Interrupted,
    /// Something else.
    Other(String),
}

impl Failure {
    /// What writing to standard output has led to.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::Io("standard output".to_owned(), error)
        }
    }

    /// Whether nothing is to be said.
    pub(crate) const fn is_quiet(&self) -> bool {
        matches!(self, Self::OutputClosed | Self::Interrupted)
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Other(_) => 1,
            Self::Usage(_) | Self::Client(Error::Options(_) | Error::Unsendable(_)) => USAGE,
            Self::Client(Error::Refused { .. }) => 3,
            Self::Client(Error::Unreachable { .. }) => 4,
            Self::Client(Error::Timeout { .. }) | Self::TooLate(_) => 5,
            Self::NotDelivered(_, PublishError::Refused(_) | PublishError::Unsendable(_))
            | Self::Subscribe(SubscribeError::Unsendable(_))
            | Self::NotSubscribed(..)
            | Self::NotUnsubscribed(..) => 7,
            Self::Client(error @ (Error::Malformed(_) | Error::Violation(_))) => {
                // A server that does not answer is gone.
                if error.is_temporary() { 6 } else { 8 }
            }
            Self::Client(Error::Store { .. }) | Self::Io(..) => 9,
            Self::Client(_) | Self::NotDelivered(..) | Self::Subscribe(_) => 6,
            Self::Interrupted => 130,
        }
    }

    /// What to try.
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Client(Error::Unreachable { reason, .. }) if reason.contains("certificate") => {
                "name the certificate that signs the server's with --cafile; --insecure accepts another name"
            }
            Self::Client(Error::Unreachable { reason, .. }) if reason.contains("TLS") => {
                "does the port speak TLS? plain ones are 1883, those of TLS 8883"
            }
            Self::Client(Error::Unreachable { reason, .. }) if reason.contains("WebSocket") => {
                "does the port speak WebSocket at this path? see --ws"
            }
            Self::Client(Error::Unreachable { .. }) => "is the server running? see -h and -p",
            Self::Client(Error::Timeout { .. }) => {
                "does the port speak MQTT, and without TLS? see -p and --cafile"
            }
            Self::Client(Error::Refused { code, .. }) => match *code {
                ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => "try -V 311",
                ReasonCode::BAD_USER_NAME_OR_PASSWORD | ReasonCode::NOT_AUTHORIZED => "see -u and -P",
                ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => "choose another identifier with -i",
                ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => "use the server that it names",
                _ => return None,
            },
            Self::Client(Error::Disconnected { code, .. }) => match *code {
                ReasonCode::SESSION_TAKEN_OVER => "another client has the same identifier, see -i",
                ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => "use the server that it names",
                _ => return None,
            },
            Self::Client(Error::Closed | Error::Lost(_)) | Self::NotDelivered(_, PublishError::Ended) => {
                "try again; with --session FILE nothing under way is lost"
            }
            Self::NotDelivered(_, PublishError::Refused(ReasonCode::NOT_AUTHORIZED))
            | Self::NotSubscribed(_, ReasonCode::NOT_AUTHORIZED) => "see -u and -P",
            _ => return None,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::TooLate(text) | Self::Other(text) => f.write_str(text)?,
            Self::Client(error) => {
                write!(f, "{error}")?;
                if let Error::Refused { server_reference: Some(server), .. }
                | Error::Disconnected { server_reference: Some(server), .. } = error
                {
                    write!(f, ", which names {}", server.escape_debug())?;
                }
            }
            Self::NotDelivered(1, error) => write!(f, "a message was not delivered: {error}")?,
            Self::NotDelivered(count, error) => {
                write!(f, "{count} messages were not delivered, the first since {error}")?;
            }
            Self::NotSubscribed(filter, code) => {
                write!(f, "the server refuses the subscription to {}: {code}", filter.escape_debug())?;
            }
            Self::NotUnsubscribed(filter, code) => {
                write!(f, "the server refuses to end the subscription to {}: {code}", filter.escape_debug())?;
            }
            Self::Subscribe(error) => write!(f, "subscribing: {error}")?,
            Self::Io(what, error) => write!(f, "{what}: {error}")?,
            Self::OutputClosed => f.write_str("standard output was closed")?,
            Self::Interrupted => f.write_str("interrupted")?,
        }
        match self.hint() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<SubscribeError> for Failure {
    fn from(error: SubscribeError) -> Self {
        Self::Subscribe(error)
    }
}
