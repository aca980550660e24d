//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the side of the server, without channel binding.
//!
//! | | Authentication Data |
//! |---|---|
//! | CONNECT | `n,,n=user,r=nonce` |
//! | AUTH | `r=nonce and more,s=salt,i=iterations` |
//! | AUTH | `c=biws,r=nonce and more,p=proof` |
//! | CONNACK | `v=signature` |

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use mqtt_wire::ReasonCode;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Exchange, Refused, Step, Who};

/// The authentication method.
pub(super) const METHOD: &str = "SCRAM-SHA-256";

/// How often a password is hashed (RFC 7677 asks for at least 4,096).
const ITERATIONS: u32 = 4096;

/// The longest nonce that is taken from a client, in bytes.
const NONCE: usize = 256;

type Key = [u8; 32];

/// What a server knows of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    iterations: u32,
    salt: Vec<u8>,
    stored: Key,
    server: Key,
}

fn hmac(key: &[u8], data: &[u8]) -> Key {
    // A key may have any length.
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(data));
    mac.map_or([0; 32], |mac| mac.finalize().into_bytes().into())
}

impl Keys {
    /// What is to be known of this password; `None` when it is no text that SASLprep allows.
    pub(super) fn new(password: &[u8], salt: [u8; 16]) -> Option<Self> {
        let password = std::str::from_utf8(password).ok()?;
        let password = stringprep::saslprep(password).ok()?;
        let mut salted = Key::default();
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, ITERATIONS, &mut salted);
        let stored = Sha256::digest(hmac(&salted, b"Client Key")).into();
        let server = hmac(&salted, b"Server Key");
        Some(Self { iterations: ITERATIONS, salt: salt.to_vec(), stored, server })
    }

    /// From its form in the file of users.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$scram-sha-256$i=")?;
        let mut parts = rest.split('$');
        let iterations: u32 = parts.next()?.parse().ok()?;
        let mut bytes = || BASE64.decode(parts.next()?).ok();
        let (salt, stored, server) = (bytes()?, bytes()?, bytes()?);
        let ends = parts.next().is_none() && iterations > 0 && !salt.is_empty();
        let keys =
            Self { iterations, salt, stored: stored.try_into().ok()?, server: server.try_into().ok()? };
        ends.then_some(keys)
    }

    /// What an unknown user is told, always the same, so that it looks like a known one.
    fn of_nobody(secret: &[u8; 32], user: &str) -> Self {
        let salt = hmac(secret, user.as_bytes());
        let salt = salt.first_chunk::<16>().map_or_else(Vec::new, |salt| salt.to_vec());
        Self { iterations: ITERATIONS, salt, stored: rand::random(), server: rand::random() }
    }
}

/// As it stands in the file of users.
impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored, &self.server].map(|part| BASE64.encode(part));
        write!(f, "$scram-sha-256$i={}${salt}${stored}${server}", self.iterations)
    }
}

/// An exchange with one client.
pub(super) struct Server<F> {
    client: Box<str>,
    secret: [u8; 32],
    keys: F,
    /// What the server adds to the client's nonce.
    nonce: String,
    state: State,
}

enum State {
    /// Nothing has come.
    Begin,
    /// The server's first message was sent.
    Challenged(Box<Challenge>),
    /// It is over.
    End,
}

struct Challenge {
    user: String,
    keys: Keys,
    known: bool,
    /// The client's header, which it repeats.
    header: String,
    nonce: String,
    /// The client's first message without its header.
    bare: String,
    /// The server's first message.
    first: String,
}

const MALFORMED: Refused = Refused { reason: ReasonCode::PROTOCOL_ERROR, why: "not a message of SCRAM" };

impl<F: FnMut(&str) -> Option<Keys>> Server<F> {
    /// An exchange with this client; `keys` finds those of a user.
    pub(super) fn new(client: &str, secret: [u8; 32], keys: F) -> Self {
        let nonce = BASE64.encode(rand::random::<[u8; 18]>());
        Self { client: client.into(), secret, keys, nonce, state: State::Begin }
    }

    /// The client's first message.
    fn challenge(&mut self, message: &str) -> Option<Challenge> {
        let (header, bare) = header(message)?;
        let mut attributes = bare.split(',');
        let user = unescape(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if nonce.is_empty() || nonce.len() > NONCE || !printable {
            return None;
        }
        let keys = (self.keys)(&user);
        let known = keys.is_some();
        let keys = keys.unwrap_or_else(|| Keys::of_nobody(&self.secret, &user));
        let nonce = format!("{nonce}{}", self.nonce);
        let first = format!("r={nonce},s={},i={}", BASE64.encode(&keys.salt), keys.iterations);
        Some(Challenge { user, keys, known, header: header.to_owned(), nonce, bare: bare.to_owned(), first })
    }
}

impl<F: FnMut(&str) -> Option<Keys> + Send> Exchange for Server<F> {
    fn step(&mut self, data: &[u8]) -> Step {
        // Whatever comes of it, the same step is not done twice.
        let state = std::mem::replace(&mut self.state, State::End);
        let Ok(message) = std::str::from_utf8(data) else { return Step::Refused(MALFORMED) };
        match state {
            State::Begin => {
                let Some(challenge) = self.challenge(message) else { return Step::Refused(MALFORMED) };
                let answer = challenge.first.clone().into_bytes();
                self.state = State::Challenged(Box::new(challenge));
                Step::Continue(answer)
            }
            State::Challenged(challenge) => match challenge.judge(message) {
                Some(Ok(signature)) => {
                    let who = Who { client: (*self.client).into(), user: Some(challenge.user.into()) };
                    Step::Done(who, format!("v={}", BASE64.encode(signature)).into_bytes())
                }
                Some(Err(())) => {
                    let reason = ReasonCode::NOT_AUTHORIZED;
                    Step::Refused(Refused { reason, why: "unknown user or wrong password" })
                }
                None => Step::Refused(MALFORMED),
            },
            State::End => Step::Refused(MALFORMED),
        }
    }
}

impl Challenge {
    /// The client's last message: `None` when it is none, else the server's signature if the client has shown that it
    /// knows the password.
    fn judge(&self, message: &str) -> Option<Result<Key, ()>> {
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let (binding, nonce) = without_proof.strip_prefix("c=")?.split_once(",r=")?;
        // Extensions would stand behind the nonce; none is known, and the nonce has no comma.
        if BASE64.decode(binding).ok()? != self.header.as_bytes() || nonce != self.nonce {
            return None;
        }
        let proof: Key = BASE64.decode(proof).ok()?.try_into().ok()?;
        let signed = format!("{},{},{without_proof}", self.bare, self.first);
        let mut client_key = hmac(&self.keys.stored, signed.as_bytes());
        client_key.iter_mut().zip(proof).for_each(|(byte, proof)| *byte ^= proof);
        let same = Sha256::digest(client_key).ct_eq(&self.keys.stored);
        if !(bool::from(same) && self.known) {
            return Some(Err(()));
        }
        Some(Ok(hmac(&self.keys.server, signed.as_bytes())))
    }
}

/// The header and the rest of a client's first message. The client does not bind to a channel, and acts for itself.
fn header(message: &str) -> Option<(&str, &str)> {
    let at = ["n,,", "y,,"].iter().find(|header| message.starts_with(**header))?.len();
    message.split_at_checked(at)
}

/// A user name as SCRAM writes it: `=2C` is a comma, `=3D` an equals sign.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut user = parts.next()?.to_owned();
    for part in parts {
        let (c, rest) = part
            .strip_prefix("2C")
            .map(|rest| (',', rest))
            .or_else(|| Some(('=', part.strip_prefix("3D")?)))?;
        user.push(c);
        user.push_str(rest);
    }
    Some(user)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The client's last message, by the text of RFC 5802, section 3.
    pub(in super::super) fn answer(password: &[u8], bare: &str, first: &str) -> String {
        let parts: Vec<&str> = first.splitn(3, ',').collect();
        let salt = BASE64.decode(parts[1].strip_prefix("s=").unwrap()).unwrap();
        let mut salted = Key::default();
        pbkdf2::pbkdf2_hmac::<Sha256>(password, &salt, 4096, &mut salted);
        let client = hmac(&salted, b"Client Key");
        let without_proof = format!("c=biws,{}", parts[0]);
        let signature = hmac(&Sha256::digest(client), format!("{bare},{first},{without_proof}").as_bytes());
        let proof: Vec<u8> = client.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        format!("{without_proof},p={}", BASE64.encode(proof))
    }

    fn server(nonce: &str) -> Server<impl FnMut(&str) -> Option<Keys> + Send> {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
        let keys = Keys::new(b"pencil", salt);
        let keys = move |user: &str| keys.clone().filter(|_| user == "user");
        Server { nonce: nonce.to_owned(), ..Server::new("client", [7; 32], keys) }
    }

    const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=";

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_exchange_of_the_standard() {
        let mut server = server("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        let Step::Continue(first) = server.step(FIRST) else { panic!() };
        let expected =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(String::from_utf8(first).unwrap(), expected);
        let last = format!("{LAST}dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let Step::Done(who, signature) = server.step(last.as_bytes()) else { panic!() };
        assert_eq!(who, Who { client: "client".into(), user: Some("user".into()) });
        assert_eq!(signature, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(server.step(last.as_bytes()), Step::Refused(MALFORMED));
    }

    #[test]
    fn a_wrong_proof_and_an_unknown_user_are_refused_alike() {
        for first in [FIRST, b"n,,n=nobody,r=rOprNGfwEbeRWgbNEkqO"] {
            let mut server = server("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
            let Step::Continue(challenge) = server.step(first) else { panic!() };
            assert!(challenge.ends_with(b",i=4096"));
            let wrong = format!("{LAST}AHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
            let Step::Refused(refused) = server.step(wrong.as_bytes()) else { panic!() };
            assert_eq!(refused.reason, ReasonCode::NOT_AUTHORIZED);
        }
        // An unknown user has the same salt each time.
        let salt = |user: &str| {
            let mut server = server("x");
            let Step::Continue(first) = server.step(format!("n,,n={user},r=a").as_bytes()) else { panic!() };
            first
        };
        assert_eq!(salt("nobody"), salt("nobody"));
        assert_ne!(salt("nobody"), salt("someone"));
    }

    #[test]
    fn what_is_no_message_ends_it() {
        for first in [
            "",
            "n",
            "n,,",
            "n,,r=a,n=user",
            "p=tls-unique,,n=user,r=a",
            "n,,n=user",
            "n,,n=user,r=",
            "n,,m=x,n=user,r=a",
            "n,a=other,n=user,r=a",
            "n,,n=us=er,r=a",
            "n,,n=user,r=a b",
            "n,,n=user,r=\u{e9}",
        ] {
            assert_eq!(server("x").step(first.as_bytes()), Step::Refused(MALFORMED), "{first}");
        }
        let mut ended = server("x");
        assert_eq!(ended.step(&[0xFF]), Step::Refused(MALFORMED));
        assert_eq!(ended.step(FIRST), Step::Refused(MALFORMED), "it goes on after its end");
        let long = format!("n,,n=user,r={}", "a".repeat(NONCE + 1));
        assert_eq!(server("x").step(long.as_bytes()), Step::Refused(MALFORMED));
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        for last in [
            "",
            "c=biws",
            "c=biws,r=other,p=",
            "c=eSws,r=ax,p=",
            "c=biws,r=ax,x=y,p=",
            "c=*,r=ax,p=",
            "r=ax,p=",
        ] {
            let mut server = server("x");
            assert!(matches!(server.step(b"n,,n=user,r=a"), Step::Continue(_)));
            assert_eq!(server.step(format!("{last}{proof}").as_bytes()), Step::Refused(MALFORMED), "{last}");
        }
    }

    #[test]
    fn names_and_keys_are_read_as_they_are_written() {
        assert_eq!(unescape("a=2Cb=3Dc").as_deref(), Some("a,b=c"));
        assert_eq!((unescape("a=2c"), unescape("=")), (None, None));
        let keys = Keys::new(b"pencil", [1; 16]).unwrap();
        assert_eq!(Keys::parse(&keys.to_string()), Some(keys.clone()));
        for bad in ["", "$scram-sha-256$i=0$YQ==$YQ==$YQ==", "$scram-sha-256$i=1$YQ==$YQ==$YQ=="] {
            assert_eq!(Keys::parse(bad), None, "{bad}");
        }
        assert_eq!(Keys::parse(&format!("{keys}$")), None);
        assert_eq!(Keys::new(&[0xFF], [1; 16]), None);
    }
}
