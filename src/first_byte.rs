//! Which first bytes a packet may have: its type, its flags, and who may send it.

use crate::options::Context;
use crate::packet::check_publish_flags;
use crate::standard::{PacketType, Rule, Version};
use crate::write::Written;

/// Whether a packet may begin with that byte.
#[inline(always)]
pub(crate) fn is_allowed(first: u8, c: Context) -> bool {
    ALLOWED[usize::from(first)] & c.situation() != 0
}

/// Checks the first byte of a packet that is to be encoded.
#[inline(always)]
pub(crate) fn check(first: u8, c: Context) -> Written {
    if is_allowed(first, c) { Ok(()) } else { Err(encoding_refusal(first, c)) }
}

#[cold]
fn encoding_refusal(first: u8, c: Context) -> Rule {
    match refusal(first, c) {
        Rule::ReservedPacketType => Rule::NotInVersion,
        rule => rule,
    }
}

/// The rule that a first byte breaks.
#[cold]
pub(crate) fn refusal(first: u8, c: Context) -> Rule {
    judge(first, c).err().unwrap_or(Rule::ReservedPacketType)
}

/// For each first byte the situations in which it is allowed, made once by [`judge`].
static ALLOWED: [u16; 256] = {
    let mut table = [0; 256];
    let mut first = 0_u8;
    loop {
        let mut contexts = Context::ALL.as_slice();
        while let [c, rest @ ..] = contexts {
            if judge(first, *c).is_ok() {
                table[first as usize] |= c.situation();
            }
            contexts = rest;
        }
        match first.checked_add(1) {
            Some(next) => first = next,
            None => break table,
        }
    }
};

const fn judge(first: u8, c: Context) -> Written {
    let Some(packet) = PacketType::new(first >> 4) else { return Err(Rule::ReservedPacketType) };
    let version = c.version();
    if c.is_version_unknown() && !matches!(packet, PacketType::Connect) {
        return Err(Rule::VersionUnknown);
    }
    if !packet.exists_in(version) {
        return Err(Rule::ReservedPacketType);
    }
    if let Err(rule) = judge_flags(packet, first, c) {
        return Err(rule);
    }
    match c.sender() {
        Some(sender) if !packet.may_be_sent_by(sender, version) => Err(Rule::WrongDirection),
        _ => Ok(()),
    }
}

const fn judge_flags(packet: PacketType, first: u8, c: Context) -> Written {
    let flags = first & 0x0F;
    match packet.prescribed_flags() {
        None => check_publish_flags(first),
        Some(prescribed) if flags == prescribed => Ok(()),
        // A record of TLS begins with 0x16: no program of 3.1 sets both bits of a QoS in its CONNECT.
        Some(_) if c.is_version_unknown() && flags & 0b0110 == 0b0110 => Err(Rule::ReservedFlags),
        // A CONNECT may yet name 3.1.
        Some(_) if c.is_version_unknown() => Ok(()),
        // 3.1 uses of these bits the QoS of what has to be acknowledged; the others say nothing.
        Some(prescribed)
            if matches!(c.version(), Version::V31)
                && (prescribed == 0 || (flags ^ prescribed) & 0b0110 == 0) =>
        {
            Ok(())
        }
        Some(_) => Err(Rule::ReservedFlags),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the compiler made of it is what is found when it is asked again.
    #[test]
    fn the_table_is_the_judgement_of_each() {
        for c in Context::ALL {
            for first in 0..=u8::MAX {
                assert_eq!(is_allowed(first, c), judge(first, c).is_ok(), "{first:#04x} {c:?}");
            }
        }
    }

    /// What the fast way of encoding relies on.
    #[test]
    fn acknowledgements_and_publish_may_be_sent_by_everyone() {
        for c in Context::ALL.into_iter().filter(|c| !c.is_version_unknown()) {
            for first in [0x40, 0x50, 0x62, 0x70] {
                assert!(is_allowed(first, c), "{first:#04x} {c:?}");
            }
            for flags in [0, 1, 2, 3, 4, 5, 10, 11, 12, 13] {
                assert!(is_allowed(PacketType::Publish.first_byte(flags), c), "{flags:#06b} {c:?}");
            }
        }
    }
}
