//! Enhanced authentication (section 4.12 of 5.0): whose turn it is.

use mqtt_wire::{Properties, ReasonCode};

/// An Authentication Method, by its length and a hash: an allocator is not needed to compare two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Method {
    len: usize,
    /// FNV-1a.
    hash: u64,
}

impl Method {
    fn new(name: &str) -> Self {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self { len: name.len(), hash }
    }

    fn of(properties: &Properties<'_>) -> Option<Self> {
        properties.authentication_method().map(Self::new)
    }
}

/// Who has to send the next AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Turn {
    /// Nobody: no exchange is under way.
    Idle,
    Client,
    Server,
}

/// The authentication of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Authentication {
    method: Option<Method>,
    turn: Turn,
    /// CONNACK has gone by: an exchange is a re-authentication.
    again: bool,
}

impl Authentication {
    pub(crate) const NONE: Self = Self { method: None, turn: Turn::Idle, again: false };

    /// As the properties of CONNECT ask for it: the server is to answer.
    pub(crate) fn of_connect(properties: &Properties<'_>) -> Self {
        let method = Method::of(properties);
        Self { method, turn: if method.is_some() { Turn::Server } else { Turn::Idle }, again: false }
    }

    /// Whether CONNECT has named a method.
    pub(crate) const fn is_asked(&self) -> bool {
        self.method.is_some()
    }

    /// Whether these properties name the method of CONNECT, if that had one.
    pub(crate) fn is_method(&self, properties: &Properties<'_>) -> bool {
        Method::of(properties) == self.method
    }

    /// CONNACK of success goes by.
    pub(crate) const fn accepted(&mut self) {
        (self.turn, self.again) = (Turn::Idle, true);
    }

    /// An AUTH of the client; whether it may send that now.
    pub(crate) fn client_sends(&mut self, code: ReasonCode) -> bool {
        let in_turn = match self.turn {
            Turn::Client => code == ReasonCode::CONTINUE_AUTHENTICATION,
            Turn::Idle => self.again && code == ReasonCode::RE_AUTHENTICATE,
            Turn::Server => false,
        };
        if in_turn {
            self.turn = Turn::Server;
        }
        in_turn
    }

    /// An AUTH of the server; whether it may send that now. Success ends a re-authentication; at the first one CONNACK
    /// does.
    pub(crate) fn server_sends(&mut self, code: ReasonCode) -> bool {
        if self.turn != Turn::Server {
            return false;
        }
        if code == ReasonCode::CONTINUE_AUTHENTICATION {
            self.turn = Turn::Client;
            true
        } else if code == ReasonCode::SUCCESS && self.again {
            self.turn = Turn::Idle;
            true
        } else {
            false
        }
    }
}
