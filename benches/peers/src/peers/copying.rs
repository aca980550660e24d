//! No codec: the bytes of each packet are copied, as a floor under those that write them.

use crate::codec::{Encode, Fault, frame_length};

#[derive(Default)]
pub struct Copying;

impl Encode for Copying {
    type Packet = &'static [u8];
    type Output = Vec<u8>;

    fn packets(mut bytes: &'static [u8]) -> Result<Vec<&'static [u8]>, Fault> {
        let mut frames = Vec::new();
        while let Some((frame, rest)) = frame_length(bytes).and_then(|length| bytes.split_at_checked(length))
        {
            frames.push(frame);
            bytes = rest;
        }
        Ok(frames)
    }

    fn output(capacity: usize) -> Vec<u8> {
        Vec::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<&'static [u8]>, out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        for frame in packets {
            out.extend_from_slice(frame);
        }
        Ok(())
    }

    fn written(out: &mut Vec<u8>) -> Vec<u8> {
        out.clone()
    }
}
