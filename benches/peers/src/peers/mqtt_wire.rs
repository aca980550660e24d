//! mqtt-wire, strict as it is by default: the way of its README first, then other ways to call it.

use std::hint::black_box;
use std::marker::PhantomData;

use bytes::BytesMut;
use mqtt_wire::{
    DecodeError, DecodeOptions, Decoded, Delivery, EncodeOptions, Output, Packet, PacketId, Properties,
    Publish, Version, decode,
};

use super::bytesmut;
use crate::built::{built, kept};
use crate::codec::{Answer, Decode, Deliver, Encode, Fault, ReadAll, decoded};
use crate::ways;
use crate::workload::{self, Subscriber};

/// A version of the protocol, as a type.
pub trait Of: 'static {
    const VERSION: Version;
}

pub struct V5;
pub struct V311;

impl Of for V5 {
    const VERSION: Version = Version::V5;
}

impl Of for V311 {
    const VERSION: Version = Version::V311;
}

/// A program's options are not known when it is compiled.
fn decode_options<V: Of>() -> DecodeOptions {
    black_box(DecodeOptions::new(V::VERSION))
}

fn encode_options<V: Of>() -> EncodeOptions {
    black_box(EncodeOptions::new(V::VERSION))
}

impl From<DecodeError> for Fault {
    #[cold]
    #[inline(never)]
    fn from(error: DecodeError) -> Self {
        Self::refused(error)
    }
}

/// Whether the input was read to its end.
#[inline]
fn whole(result: Result<bool, DecodeError>) -> Result<(), Fault> {
    if result? { Ok(()) } else { Err(Fault::Incomplete) }
}

/// Decoding a slice in one of the ways of `ways`.
macro_rules! from_slice {
    ($(#[$doc:meta])* $name:ident, $way:ident) => {
        $(#[$doc])*
        pub struct $name<V>(DecodeOptions, PhantomData<V>);

        impl<V: Of> Default for $name<V> {
            fn default() -> Self {
                Self(decode_options::<V>(), PhantomData)
            }
        }

        impl<V: Of> Decode for $name<V> {
            type Input = &'static [u8];
            type Packet = Packet<'static>;

            fn input(bytes: &'static [u8]) -> Self::Input {
                bytes
            }

            fn topic<'p>(packet: &'p Packet<'static>) -> &'p [u8] {
                ways::topic(packet)
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut &'static [u8],
                each: impl FnMut(Packet<'static>),
            ) -> Result<(), Fault> {
                whole(ways::$way(input, self.0, each))
            }
        }
    };
}

from_slice! {
    /// The way of the README.
    Readme, readme
}
from_slice! {
    /// Through a function of the program's own.
    Helper, helper
}

impl<V: Of> ReadAll for Readme<V> {
    #[inline]
    fn read_all(packet: &Packet<'static>) {
        ways::read_all(packet);
    }
}

/// The result is looked at where it is, not moved, and the options are constants.
pub struct ByReference<V>(PhantomData<V>);

impl<V> Default for ByReference<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<V: Of> Decode for ByReference<V> {
    type Input = &'static [u8];
    type Packet = ();

    fn input(bytes: &'static [u8]) -> Self::Input {
        bytes
    }

    fn topic((): &()) -> &[u8] {
        &[]
    }

    #[inline]
    fn decode(&mut self, input: &mut &'static [u8], mut each: impl FnMut(())) -> Result<(), Fault> {
        let options = const { DecodeOptions::new(V::VERSION) };
        whole(ways::by_reference(input, options, |packet| {
            black_box(packet);
            each(());
        }))
    }
}

/// Owned frames split off a `BytesMut`, and the packet of each handed on by value.
pub struct Frames<V>(DecodeOptions, PhantomData<V>);

impl<V: Of> Default for Frames<V> {
    fn default() -> Self {
        Self(decode_options::<V>(), PhantomData)
    }
}

/// Packets of frames live shorter than what [`Decode`] can name: they are looked at here.
impl<V: Of> Decode for Frames<V> {
    type Input = BytesMut;
    type Packet = ();

    fn input(bytes: &'static [u8]) -> BytesMut {
        bytesmut::input(bytes)
    }

    fn topic((): &()) -> &[u8] {
        &[]
    }

    #[inline]
    fn decode(&mut self, input: &mut BytesMut, mut each: impl FnMut(())) -> Result<(), Fault> {
        whole(ways::frames(input, self.0, |packet| {
            ways::look(packet);
            each(());
        }))
    }
}

/// What packets are written to.
pub trait Buffer: Output + 'static {
    fn with_capacity(capacity: usize) -> Self;
    fn clear(&mut self);
    fn written(&self) -> &[u8];
}

impl Buffer for Vec<u8> {
    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity(capacity)
    }

    fn clear(&mut self) {
        self.clear();
    }

    fn written(&self) -> &[u8] {
        self
    }
}

impl Buffer for BytesMut {
    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity(capacity)
    }

    fn clear(&mut self) {
        self.clear();
    }

    fn written(&self) -> &[u8] {
        self
    }
}

/// What packets are made of.
pub trait Source: 'static {
    fn made(packet: Packet<'static>) -> Packet<'static>;
}

/// As they were received: lists of properties and of items are bytes.
pub struct Received;

impl Source for Received {
    fn made(packet: Packet<'static>) -> Packet<'static> {
        packet
    }
}

/// Of the program's own values: properties are a list.
pub struct Built;

impl Source for Built {
    fn made(packet: Packet<'static>) -> Packet<'static> {
        built(packet)
    }
}

/// Of the program's own values, the properties of the packet kept in a `PropertiesBuf`.
pub struct Kept;

impl Source for Kept {
    fn made(packet: Packet<'static>) -> Packet<'static> {
        kept(built(packet))
    }
}

/// Packets of a source written to the end of a buffer.
pub struct Append<V, B, S>(EncodeOptions, PhantomData<(V, B, S)>);

impl<V: Of, B, S> Default for Append<V, B, S> {
    fn default() -> Self {
        Self(encode_options::<V>(), PhantomData)
    }
}

impl<V: Of, B: Buffer, S: Source> Encode for Append<V, B, S> {
    type Packet = Packet<'static>;
    type Output = B;

    fn packets(bytes: &'static [u8]) -> Result<Vec<Packet<'static>>, Fault> {
        Ok(decoded::<Readme<V>>(bytes)?.into_iter().map(S::made).collect())
    }

    fn output(capacity: usize) -> B {
        B::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<Packet<'static>>, out: &mut B) -> Result<(), String> {
        out.clear();
        for packet in packets {
            packet.encode(self.0, out).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn written(out: &mut B) -> Vec<u8> {
        Buffer::written(out).to_vec()
    }
}

/// Received packets written into a slice, the options constants.
pub struct IntoSlice<V>(PhantomData<V>);

impl<V> Default for IntoSlice<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<V: Of> Encode for IntoSlice<V> {
    type Packet = Packet<'static>;
    type Output = (Vec<u8>, usize);

    fn packets(bytes: &'static [u8]) -> Result<Vec<Packet<'static>>, Fault> {
        decoded::<Readme<V>>(bytes)
    }

    fn output(capacity: usize) -> Self::Output {
        (vec![0; capacity], 0)
    }

    #[inline]
    fn encode(
        &mut self,
        packets: &mut Vec<Packet<'static>>,
        (buffer, filled): &mut Self::Output,
    ) -> Result<(), String> {
        let options = const { EncodeOptions::new(V::VERSION) };
        let capacity = buffer.len();
        let mut rest = buffer.as_mut_slice();
        for packet in packets {
            let len = packet.encode(options, rest).map_err(|e| e.to_string())?;
            rest = &mut rest[len..];
        }
        *filled = capacity - rest.len();
        Ok(())
    }

    fn written((buffer, filled): &mut Self::Output) -> Vec<u8> {
        buffer[..*filled].to_vec()
    }
}

/// The answers of a server, each built and written to the end of a `Vec`.
pub struct Answers<V>(EncodeOptions, PhantomData<V>);

impl<V: Of> Default for Answers<V> {
    fn default() -> Self {
        Self(encode_options::<V>(), PhantomData)
    }
}

impl<V: Of> Answer for Answers<V> {
    type Output = Vec<u8>;

    fn output(capacity: usize) -> Vec<u8> {
        Vec::with_capacity(capacity)
    }

    #[inline]
    fn answer(&mut self, ids: [u16; 4], out: &mut Vec<u8>) -> Result<(), String> {
        let ids = ids.map(|id| PacketId::new(id).unwrap_or(PacketId::MIN));
        out.clear();
        ways::answer(ids, self.0, out).map_err(|e| e.to_string())
    }

    fn written(out: &Vec<u8>) -> Vec<u8> {
        out.clone()
    }
}

/// A message encoded anew for each subscriber.
pub struct EachEncoded([EncodeOptions; 2]);

impl Default for EachEncoded {
    fn default() -> Self {
        Self([encode_options::<V5>(), encode_options::<V311>()])
    }
}

fn message(bytes: &'static [u8]) -> Result<Publish<'static>, Fault> {
    match decode(bytes, Version::V5)? {
        Decoded::Packet { packet: Packet::Publish(publish), .. } => Ok(publish),
        _ => Err(Fault::Incomplete),
    }
}

#[inline]
fn delivery(to: &Subscriber) -> Result<Delivery, String> {
    let id = PacketId::new(to.id).ok_or_else(|| "identifier 0".to_owned());
    Ok(match to.qos {
        0 => Delivery::AtMostOnce,
        1 => Delivery::AtLeastOnce(id?),
        _ => Delivery::ExactlyOnce(id?),
    })
}

impl Deliver for EachEncoded {
    type Message = Publish<'static>;
    type Output = Vec<u8>;

    fn message(bytes: &'static [u8]) -> Result<Publish<'static>, Fault> {
        message(bytes)
    }

    fn output(capacity: usize) -> Vec<u8> {
        Vec::with_capacity(capacity)
    }

    #[inline]
    fn deliver(
        &mut self,
        publish: &mut Publish<'static>,
        to: &[Subscriber],
        outputs: &mut [Vec<u8>],
    ) -> Result<(), String> {
        for (to, out) in to.iter().zip(outputs) {
            let mut publish = publish.with_delivery(delivery(to)?);
            let options = match to.version {
                workload::Version::V5 => self.0[0],
                workload::Version::V311 => {
                    publish.properties = Properties::EMPTY;
                    self.0[1]
                }
            };
            out.clear();
            Packet::from(publish).encode(options, out).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn written(out: &Vec<u8>) -> Vec<u8> {
        out.clone()
    }
}
