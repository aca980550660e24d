//! The command line's arguments.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{ArgAction, ColorChoice, Parser, Subcommand, ValueEnum};
use mqtt_wire::topic::TopicFilterBuf;
use mqtt_wire::{PacketType, QoS, Sender, Tolerance, Version};

use crate::filter::Moment;
use crate::payload::Rule;
use crate::proxy::args::Proxy;

const EXAMPLES: &str = "\
Examples:
  mqtt-inspect capture.pcapng                        a timeline of all MQTT in a capture
  mqtt-inspect proxy --listen 1884 --connect localhost   the same while it happens, between clients and a server
  mqtt-inspect -i eth0                               or on an interface, with the rights that takes
  tcpdump -U -w - port 1883 | mqtt-inspect -         or from another program
  mqtt-inspect --explain --packet 3 capture.pcapng   its third packet, byte by byte
  mqtt-inspect --json capture.pcapng | jq .type      one JSON object a line (see JSON.md)
  mqtt-inspect --hex 'c0 00'                         a packet given in hex
  mqtt-inspect --hex --json --version 3.1.1 < lines  one answer for each line of hex
  mqtt-inspect --raw --sender client stream.bin      one direction's bytes

Exit code (of several that apply, the first in this list):
  2  the arguments or an input cannot be used, or a line is not hex
  1  a packet is malformed; one that is cut off is not
  4  a capture file is damaged, or ends inside a record; what comes before was shown
  3  there is no packet in the input, or none that the filters want
  5  a rule between packets is broken
  0  all packets are well-formed";

/// Reads MQTT 3.1, 3.1.1 and 5.0 out of captures, byte streams and hex, and shows every packet with
/// its fields, or the rule that it breaks and the byte at which it does.
#[derive(Debug, Parser)]
#[command(name = "mqtt-inspect", version, disable_version_flag = true, after_help = EXAMPLES, max_term_width = 100,
    args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// pcap or pcapng files (gzip and zstd too); with --raw files of bytes; with --hex packets in hex, or
    /// files of them (what is not hex alone is a file name). `-` is standard input, which --raw and
    /// --hex also read when nothing is given
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,

    /// The input is hex: one packet a line. Blanks, `:`, `-`, `,`, `0x` and `\x` may stand between
    /// bytes; a `#` begins a comment. Dumps of hexdump, xxd, od, tcpdump and Wireshark, with offsets
    /// and text, and arrays in braces are read over several lines. What cannot be read is refused
    #[arg(long, conflicts_with_all = ["raw", "flows"], help_heading = "Input")]
    pub(crate) hex: bool,

    /// The input is the bytes of one direction of a connection
    #[arg(long, conflicts_with = "flows", help_heading = "Input")]
    pub(crate) raw: bool,

    /// Capture on this network interface by dumpcap or tcpdump, whichever is installed: TCP on the ports 1883 and
    /// 8883 and each --port, until Ctrl-C
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["inputs", "hex", "raw"], help_heading = "Input")]
    pub(crate) interface: Option<String>,

    /// Several packets may stand in a line of hex: the bytes of one direction of a connection
    #[arg(long, requires = "hex", help_heading = "Input")]
    pub(crate) stream: bool,

    /// The bytes are decimal numbers: 0 to 255, or -128 to 127; brackets and commas may stand around
    /// them
    #[arg(long, requires = "hex", help_heading = "Input")]
    pub(crate) decimal: bool,

    /// All lines of hex of an input belong together, as those of `xxd -p`
    #[arg(long, requires = "hex", help_heading = "Input")]
    pub(crate) join: bool,

    /// The version of packets before or without a CONNECT; in hex a CONNECT of another version is an
    /// error [default: a CONNECT says its own; other
    /// packets in hex are read as 5.0, those in captures and streams by the version they fit]
    #[arg(long, value_name = "3.1|3.1.1|5", value_parser = version, help_heading = "Input")]
    pub(crate) protocol_version: Option<Version>,

    /// Print this program's version; with a value the same as --protocol-version
    #[arg(long, value_name = "3.1|3.1.1|5", value_parser = version, num_args = 0..=1,
        conflicts_with = "protocol_version")]
    #[allow(clippy::option_option, reason = "the option may be given without a value")]
    pub(crate) version: Option<Option<Version>>,

    /// Who sends, in hex and raw input [default: direction is not judged]
    #[arg(long, value_name = "client|server", value_parser = sender, help_heading = "Input")]
    pub(crate) sender: Option<Sender>,

    /// A further TCP port that carries MQTT, besides 1883; connections on other ports are read when
    /// they begin with a CONNECT or a WebSocket handshake
    #[arg(long = "port", value_name = "PORT", help_heading = "Input")]
    pub(crate) ports: Vec<u16>,

    /// Write a page that shows the capture in a browser to this file (`-` is standard output), in place of the packets
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "stats", "explain", "flows", "packet", "hex", "raw"],
        help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) view: View,

    /// Print this program's version
    #[arg(short = 'V', action = ArgAction::Version)]
    _version: Option<bool>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What is done besides reading what was captured.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Proxy(Box<Proxy>),
    /// Print a script that completes this program's options in a shell
    Completions {
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print this program's manual page
    Man,
}

/// What of all packets is shown, and how.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct View {
    /// Accept a departure from the standard (may be repeated)
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "Judging")]
    pub(crate) tolerate: Vec<Tolerated>,

    /// Refuse packets of more than so many bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(2..), help_heading = "Judging")]
    pub(crate) max_packet_size: Option<u32>,

    /// Do not judge the rules between the packets of a connection
    #[arg(long, help_heading = "Judging")]
    pub(crate) no_rules: bool,

    /// Judge the rules between packets, as is done anyway
    #[arg(long, hide = true, conflicts_with = "no_rules")]
    rules: bool,

    /// Only connections of this client identifier (this and the other filters may be repeated: one of the values has
    /// to fit; of several filters all have to)
    #[arg(long = "client", value_name = "ID", help_heading = "Filters")]
    pub(crate) clients: Vec<String>,

    /// Only connections of this user name
    #[arg(long = "user", value_name = "NAME", help_heading = "Filters")]
    pub(crate) users: Vec<String>,

    /// Only the connection of this number
    #[arg(long = "connection", value_name = "NUMBER", help_heading = "Filters")]
    pub(crate) connections: Vec<u64>,

    /// Only messages whose topic the filter matches (an alias counts as what it stands for) with their
    /// acknowledgements, subscriptions that have topics in common with it, and wills
    #[arg(long = "topic", value_name = "FILTER", help_heading = "Filters")]
    pub(crate) topics: Vec<TopicFilterBuf>,

    /// Only packets of these types
    #[arg(long = "type", value_name = "TYPE", value_parser = crate::filter::packet_type, value_delimiter = ',',
        help_heading = "Filters")]
    pub(crate) types: Vec<PacketType>,

    /// Only messages of this QoS with their acknowledgements, and subscriptions at it
    #[arg(long, value_name = "0|1|2", value_parser = crate::filter::qos, help_heading = "Filters")]
    pub(crate) qos: Vec<QoS>,

    /// Only what is wrong: malformed packets, refusals, broken rules, and what happened to the connection
    #[arg(long, help_heading = "Filters")]
    pub(crate) errors: bool,

    /// Only what came at that time or later: seconds or a duration from the first frame on (12.5, 1m30s), or a
    /// time in UTC (2026-11-22T15:04:40Z)
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub(crate) since: Option<Moment>,

    /// Only what came at that time or earlier
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub(crate) until: Option<Moment>,

    /// Only the last seconds, or the last of a duration, before the latest packet; shown when the input ends
    #[arg(long, value_name = "DURATION", value_parser = last, conflicts_with = "context", help_heading = "Filters")]
    pub(crate) last: Option<Duration>,

    /// Show so many records before and after each match, too
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = "Filters")]
    pub(crate) context: usize,

    /// Print one JSON object a line
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Show packets byte by byte, with field names and sections of the standard
    #[arg(long, conflicts_with_all = ["json", "stats"], help_heading = "Output")]
    pub(crate) explain: bool,

    /// Print a summary in place of the packets
    #[arg(long, help_heading = "Output")]
    pub(crate) stats: bool,

    /// No sums below the timeline of a capture
    #[arg(long, help_heading = "Output")]
    pub(crate) no_summary: bool,

    /// List what belongs together in place of the packets: messages with their acknowledgements, subscriptions,
    /// pings, requests with their responses; how long each step took, and what was never answered
    #[arg(long, conflicts_with_all = ["stats", "explain", "packet"], help_heading = "Output")]
    pub(crate) flows: bool,

    /// Show only this packet; the number is the first column of the timeline
    #[arg(long, value_name = "NUMBER", conflicts_with = "stats", help_heading = "Output")]
    pub(crate) packet: Option<u64>,

    /// Show payloads and other bytes to their end, however long
    #[arg(long, help_heading = "Output")]
    pub(crate) full: bool,

    /// How to read payloads: json, cbor, msgpack, sparkplug, hex or none; those of some topics with a filter before it
    /// ('home/#=cbor'; may be repeated, the first that fits counts) [default: by Content Type; spBv1.0/# is sparkplug]
    #[arg(long = "payload", value_name = "[FILTER=]FORMAT", help_heading = "Output")]
    pub(crate) payloads: Vec<Rule>,

    /// One line for each packet, cut at the terminal's width; what stands below it is left out
    #[arg(long, conflicts_with_all = ["json", "stats", "explain", "full"], help_heading = "Output")]
    pub(crate) compact: bool,

    /// Break lines after so many columns [default: the terminal's width; elsewhere lines are not broken]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(20..),
        conflicts_with = "json", help_heading = "Output")]
    pub(crate) width: Option<u16>,

    /// How to show the time of packets in a capture: since its first frame, as UTC, or in the time zone of the system
    #[arg(long, value_enum, default_value = "relative", help_heading = "Output")]
    pub(crate) time: TimeStyle,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(crate) color: ColorChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeStyle {
    Relative,
    Utc,
    Local,
}

/// The library's tolerances by the names of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tolerated {
    /// Bit 7 of the protocol level, which bridges set
    BridgeLevel,
    /// Reason codes that the packet's table does not list
    UnknownReasonCodes,
    /// Lengths in a longer form than needed
    NonMinimalLengths,
    /// MQTT 3.1 client identifiers of more than 23 characters
    LongClientIds,
}

impl From<Tolerated> for Tolerance {
    fn from(tolerated: Tolerated) -> Self {
        match tolerated {
            Tolerated::BridgeLevel => Self::BridgeProtocolLevel,
            Tolerated::UnknownReasonCodes => Self::UnknownReasonCodes,
            Tolerated::NonMinimalLengths => Self::NonMinimalLengths,
            Tolerated::LongClientIds => Self::LongClientIds,
        }
    }
}

fn last(text: &str) -> Result<Duration, &'static str> {
    crate::filter::duration(text).ok_or("give seconds or a duration, such as 90 or 1m30s")
}

fn version(text: &str) -> Result<Version, &'static str> {
    text.parse().map_err(|_| "the versions are 3.1, 3.1.1 and 5")
}

fn sender(text: &str) -> Result<Sender, &'static str> {
    text.parse().map_err(|_| "the sender is client or server")
}

/// Where bytes come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    StandardInput,
    File(PathBuf),
    /// Hex on the command line.
    Argument(String),
}

impl Source {
    /// The name to show.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::StandardInput => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Argument(_) => "argument".to_owned(),
        }
    }
}

impl Args {
    /// The protocol's version, as the user says it.
    pub(crate) fn protocol(&self) -> Option<Version> {
        self.protocol_version.or(self.version.flatten())
    }

    /// The inputs, after what the parser cannot check.
    pub(crate) fn sources(&self) -> Result<Vec<Source>> {
        if self.sender.is_some() && !self.hex && !self.raw {
            bail!("--sender goes with --hex and --raw: a capture tells who sends");
        }
        if self.stream && !self.hex {
            bail!("--stream goes with --hex");
        }
        if self.inputs.is_empty() {
            if !self.hex && !self.raw {
                bail!(
                    "no input: give a capture file, `-` for standard input, or an interface by -i (see --help)"
                );
            }
            return Ok(vec![Source::StandardInput]);
        }
        Ok(self.inputs.iter().map(|input| self.source(input)).collect())
    }

    fn source(&self, input: &str) -> Source {
        if input == "-" {
            Source::StandardInput
        } else if self.hex && crate::hex::is_hex(input) {
            Source::Argument(input.to_owned())
        } else {
            Source::File(input.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_parser_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn hex_arguments_are_told_from_files() {
        let source = |input: &str| {
            Args::parse_from(["mqtt-inspect", "--hex", "--", input]).sources().unwrap().remove(0)
        };
        for hex in [
            "c000",
            "C0 00",
            "0xc0 0x00",
            "c0:00 # PINGREQ",
            "",
            "\\xc0\\x00",
            "[0xc0, 0x00]",
            "{192, 0};",
            "0000  c0 00  ..\n",
        ] {
            assert_eq!(source(hex), Source::Argument(hex.to_owned()), "{hex}");
        }
        for file in ["packets.hex", "./c000", "c0g0", "a/b"] {
            assert_eq!(source(file), Source::File(file.into()), "{file}");
        }
        assert_eq!(source("-"), Source::StandardInput);
    }
}
