//! mqtt-wire, strict as it is by default.

use std::hint::black_box;

use bytes::BytesMut;
use mqtt_wire::{DecodeOptions, Decoded, EncodeOptions, Frame, Packet, Version, decode};

use super::bytesmut;
use crate::codec::{Decode, Encode, Fault, decoded};

/// What both versions share: packets borrowed from a slice, written into a slice.
macro_rules! borrowed {
    ($name:ident, $version:expr) => {
        #[derive(Default)]
        pub struct $name;

        impl Decode for $name {
            type Input = &'static [u8];
            type Packet = Packet<'static>;

            fn input(bytes: &'static [u8]) -> Self::Input {
                bytes
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut Self::Input,
                mut each: impl FnMut(&Packet<'static>),
            ) -> Result<(), Fault> {
                const OPTIONS: DecodeOptions = DecodeOptions::new($version);
                while !input.is_empty() {
                    match &decode(input, OPTIONS) {
                        Ok(Decoded::Packet { packet, len }) => {
                            *input = &input[*len..];
                            each(packet);
                        }
                        Ok(Decoded::Incomplete { .. }) => return Err(Fault::Incomplete),
                        Err(error) => return Err(Fault::refused(error)),
                    }
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = Packet<'static>;
            type Output = (Vec<u8>, usize);

            fn packets(bytes: &'static [u8]) -> Result<Vec<Packet<'static>>, Fault> {
                decoded::<Self>(bytes)
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
                const OPTIONS: EncodeOptions = EncodeOptions::new($version);
                let capacity = buffer.len();
                let mut rest = buffer.as_mut_slice();
                for packet in packets {
                    let len = packet.encode(OPTIONS, rest).map_err(|e| e.to_string())?;
                    rest = &mut rest[len..];
                }
                *filled = capacity - rest.len();
                Ok(())
            }

            fn written((buffer, filled): &mut Self::Output) -> Vec<u8> {
                buffer[..*filled].to_vec()
            }
        }
    };
}

borrowed!(V5, Version::V5);
borrowed!(V311, Version::V311);

/// The same over `BytesMut`: owned frames split off it, each decoded once; packets written to its end.
macro_rules! owned {
    ($name:ident, $borrowed:ident, $version:expr) => {
        #[derive(Default)]
        pub struct $name;

        impl Decode for $name {
            type Input = BytesMut;
            type Packet = Frame;

            fn input(bytes: &'static [u8]) -> BytesMut {
                bytesmut::input(bytes)
            }

            #[inline]
            fn decode(&mut self, input: &mut BytesMut, mut each: impl FnMut(&Frame)) -> Result<(), Fault> {
                const OPTIONS: DecodeOptions = DecodeOptions::new($version);
                while !input.is_empty() {
                    match &Frame::split_from(input, OPTIONS) {
                        Ok(Some(frame)) => {
                            if let Err(error) = black_box(&frame.packet()) {
                                return Err(Fault::refused(error));
                            }
                            each(frame);
                        }
                        Ok(None) => return Err(Fault::Incomplete),
                        Err(error) => return Err(Fault::refused(error)),
                    }
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = Packet<'static>;
            type Output = BytesMut;

            fn packets(bytes: &'static [u8]) -> Result<Vec<Packet<'static>>, Fault> {
                decoded::<$borrowed>(bytes)
            }

            fn output(capacity: usize) -> BytesMut {
                BytesMut::with_capacity(capacity)
            }

            #[inline]
            fn encode(
                &mut self,
                packets: &mut Vec<Packet<'static>>,
                out: &mut BytesMut,
            ) -> Result<(), String> {
                const OPTIONS: EncodeOptions = EncodeOptions::new($version);
                out.clear();
                for packet in packets {
                    packet.encode(OPTIONS, out).map_err(|e| e.to_string())?;
                }
                Ok(())
            }

            fn written(out: &mut BytesMut) -> Vec<u8> {
                out.to_vec()
            }
        }
    };
}

owned!(FrameV5, V5, Version::V5);
owned!(FrameV311, V311, Version::V311);
