//! What can go wrong.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mqtt_session::{Refusal, Violation};
use mqtt_wire::{DecodeError, EncodeError, ReasonCode};

/// Why a client has no connection.
///
/// ```
/// use mqtt_wire_client::{Address, Client, Error, Options};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let mut options = Options::new(address);
/// options.user_name = Some("tamu".to_owned());
/// match Client::connect(options).await {
///     Ok(_) => println!("connected"),
///     Err(Error::Refused { code, .. }) => println!("who are you? {code}"), // ask for a password
///     Err(error) if error.is_temporary() => println!("{error}: later"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options do not fit together, or a file that they name cannot be used.
    #[error("{0}")]
    Options(String),
    /// There is no connection to the address: its name is not known, nobody listens, TLS or WebSocket do not come about.
    #[error("cannot connect to {address}: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What failed.
        reason: String,
    },
    /// The server does not answer in time.
    #[error("no {what} within {after:?}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// The server has refused the connection by its CONNACK.
    #[error("the server refuses the connection: {}", Reason(*.code, .reason.as_deref()))]
    Refused {
        /// The reason code (that of 5.0 which says the same, if the server speaks 3.x).
        code: ReasonCode,
        /// The server's Reason String.
        reason: Option<String>,
        /// Another server that the client may use (0x9C and 0x9D).
        server_reference: Option<String>,
    },
    /// The server has ended the connection with a DISCONNECT.
    #[error("the server ends the connection: {}", Reason(*.code, .reason.as_deref()))]
    Disconnected {
        /// The reason code.
        code: ReasonCode,
        /// The server's Reason String.
        reason: Option<String>,
        /// Another server that the client may use (0x9C and 0x9D).
        server_reference: Option<String>,
    },
    /// The connection has broken off.
    #[error("the connection was lost: {0}")]
    Lost(Arc<io::Error>),
    /// The server has closed the connection without a word.
    #[error("the server has closed the connection")]
    Closed,
    /// The server sent bytes that are no packet.
    #[error("the server sent a packet that is wrong: {0}")]
    Malformed(DecodeError),
    /// The server has broken a rule between packets.
    #[error("the server has broken a rule: {0}")]
    Violation(Violation),
    /// CONNECT or DISCONNECT cannot be sent as they were asked for.
    #[error("cannot be sent: {0}")]
    Unsendable(Refusal),
    /// The file of the session cannot be written or read.
    #[error("the session in {path}: {reason}")]
    Store {
        /// The file.
        path: String,
        /// What failed.
        reason: String,
    },
    /// The client has ended before.
    #[error("the client has ended")]
    Ended,
}

impl Error {
    /// Whether the same may go well a little later: worth another connection.
    ///
    /// ```
    /// use mqtt_wire_client::{Address, Client, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Nobody listens there, at the moment: a program that waits for its server tries again.
    /// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    /// let options = Options::new(Address::new("127.0.0.1", nobody));
    /// let error = Client::connect(options).await.unwrap_err();
    /// assert!(error.is_temporary());
    ///
    /// // A guest who is not let in is not let in a second later.
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let mut options = Options::new(address);
    /// options.user_name = Some("tamu".to_owned());
    /// assert!(!Client::connect(options).await.unwrap_err().is_temporary());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Lost(_) | Self::Closed => true,
            Self::Refused { code, .. } => matches!(
                *code,
                ReasonCode::SERVER_UNAVAILABLE
                    | ReasonCode::SERVER_BUSY
                    | ReasonCode::CONNECTION_RATE_EXCEEDED
            ),
            Self::Disconnected { code, .. } => !matches!(
                *code,
                ReasonCode::SESSION_TAKEN_OVER
                    | ReasonCode::NOT_AUTHORIZED
                    | ReasonCode::PACKET_TOO_LARGE
                    | ReasonCode::MALFORMED_PACKET
                    | ReasonCode::PROTOCOL_ERROR
                    | ReasonCode::USE_ANOTHER_SERVER
                    | ReasonCode::SERVER_MOVED
            ),
            // A server that does not answer PINGREQ is gone, whatever else it was.
            Self::Violation(violation) => violation.rule == mqtt_session::SessionRule::NoPingResp,
            Self::Options(_)
            | Self::Malformed(_)
            | Self::Unsendable(_)
            | Self::Store { .. }
            | Self::Ended => false,
        }
    }
}

/// A reason code by its name, and what the server says of it.
struct Reason<'a>(ReasonCode, Option<&'a str>);

impl std::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        match self.1 {
            Some(reason) => write!(f, " ({})", reason.escape_debug()),
            None => Ok(()),
        }
    }
}

/// Why a message was not delivered.
///
/// ```
/// use mqtt_wire_client::mqtt_wire::QoS;
/// use mqtt_wire_client::{Address, Client, MessageBuf, Options, PublishError};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, _messages) = Client::connect(Options::new(address)).await?;
/// let message = MessageBuf::new("rahasia/pintu", "buka")?.with_qos(QoS::AtLeastOnce);
/// match client.publish(message).await?.await {
///     Ok(_) => println!("it has arrived"),
///     Err(PublishError::Refused(code)) => println!("the server does not take it: {code}"),
///     Err(PublishError::Unsendable(why)) => println!("a fault of this program: {why}"),
///     Err(error) => println!("it may have arrived or not: {error}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The server has refused it by PUBACK or PUBREC.
    #[error("the server refuses the message: {0}")]
    Refused(ReasonCode),
    /// It is nothing for this server, or cannot be encoded for the version that is spoken.
    #[error("the message cannot be sent: {0}")]
    Unsendable(Refusal),
    /// It was on its way when the connection was lost, and the new connection cannot carry it. The server may have it.
    #[error("the message cannot be sent again, the server may have it or not: {0}")]
    Undelivered(ReasonCode),
    /// The server has forgotten the session. It may have the message or not.
    #[error("the server has forgotten the session, it may have the message or not")]
    SessionOver,
    /// The connection was lost before a message of QoS 0 was handed to the network.
    #[error("the connection was lost before the message was sent")]
    NotSent,
    /// The client has ended. With a session in a file a message of QoS 1 or 2 is sent by the next one, unless it was
    /// [`publish`](crate::Client::publish) that failed with this.
    #[error("the client has ended")]
    Ended,
}

/// Why a subscription was not made or ended.
///
/// ```
/// use mqtt_wire_client::mqtt_wire::QoS;
/// use mqtt_wire_client::{Address, Client, Options, SubscribeError};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, _messages) = Client::connect(Options::new(address)).await?;
/// // A filter that somebody has typed. That the server refuses it is no error but a code.
/// match client.subscribe("rumahkami/#/lampu", QoS::AtLeastOnce).await {
///     Ok(code) if code.is_error() => println!("the server refuses: {code}"),
///     Ok(code) => println!("granted: {code}"),
///     Err(SubscribeError::NoFilter) => println!("that is no topic filter"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The server does not support it, or it cannot be encoded.
    #[error("cannot be sent: {0}")]
    Unsendable(Refusal),
    /// The server has refused it by SUBACK.
    #[error("the server refuses it: {0}")]
    Refused(ReasonCode),
    /// There is no topic filter.
    #[error("there is no topic filter")]
    NoFilter,
    /// The client has ended.
    #[error("the client has ended")]
    Ended,
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::Unsendable(Refusal::Encode(error))
    }
}
