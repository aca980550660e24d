//! A sensor: sends its readings at QoS 2 and ends when the server has them all. No allocator, no operating system: a session
//! of fixed slots, 256 bytes for each direction, and a UART.
//!
//! `examples/firmware/run` builds it, runs it on an emulator, and counts what has arrived.

#![no_std]
#![no_main]

mod uart;

use core::num::NonZeroU16;

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use mqtt_session::{Fixed, Input, Output, Session};
use mqtt_wire::{
    Buffer, Connect, Connection, Disconnect, Packet, Properties, Property, Publish, QoS, ReasonCode,
    TopicName, Version, topic_name,
};

use uart::Uart;

const TOPIC: TopicName<'static> = topic_name!("sensor/7");
/// Tenths of a degree.
const READINGS: [&[u8]; 20] = [
    b"215", b"216", b"216", b"217", b"219", b"220", b"222", b"221", b"221", b"220", b"218", b"217", b"215",
    b"214", b"213", b"213", b"212", b"212", b"211", b"210",
];

/// What the slots have room for.
const LIMITS: [Property<'static>; 1] = [Property::ReceiveMaximum(NonZeroU16::new(2).unwrap())];

/// Readings are known by their index; four may be on their way.
type Slots = Fixed<u8, 4, 2>;

#[entry]
fn main() -> ! {
    let mut session = Session::new(Slots::new());
    match run(&mut Uart::new(), &mut session) {
        Some(taken) => {
            let size = size_of::<Session<Slots>>();
            hprintln!("{} readings delivered; the session takes {} bytes", taken, size);
            debug::exit(debug::EXIT_SUCCESS);
        }
        None => {
            hprintln!("the connection has failed");
            debug::exit(debug::EXIT_FAILURE);
        }
    }
    loop {}
}

/// Sends the readings; the number of those that the server has taken.
fn run(uart: &mut Uart, session: &mut Session<Slots>) -> Option<usize> {
    let (mut memory, mut out) = ([0; 256], [0; 256]);
    let mut buffer = Buffer::new(&mut memory);
    let mut link = session.client(Connection::client(Version::V5));
    // Without a keep alive nothing depends on the time, and no clock is needed.
    let connect = Connect {
        keep_alive: 0,
        properties: Properties::new(&LIMITS),
        ..Connect::new(Version::V5, "sensor-7")
    };
    link.connect(&connect, 0).ok()?.for_each(|output| send(uart, output, &mut out));
    let (mut next, mut taken) = (0, 0);
    loop {
        while let Some(output) = link.next(0) {
            match output {
                Output::Done(_, _) => taken += 1,
                Output::Close(_) => return None,
                output => send(uart, output, &mut out),
            }
        }
        if let Some(reading) = READINGS.get(next)
            && link.publish(&Publish::new(TOPIC, reading), QoS::ExactlyOnce, next as u8).is_ok()
        {
            next += 1;
            continue;
        }
        if taken == READINGS.len() {
            let goodbye = Disconnect::new(ReasonCode::SUCCESS);
            link.disconnect(&goodbye, 0).ok()?.for_each(|output| send(uart, output, &mut out));
            return Some(taken);
        }
        // One packet, and what follows from it before the next: so there is room for each.
        if let Some(packet) = buffer.next(link.connection()).ok()? {
            if let Input::Refused(_) = link.handle(packet, 0).ok()? {
                return None;
            }
            continue;
        }
        if let (Some(byte), Some(place)) = (uart.read(), buffer.room().first_mut()) {
            *place = byte;
            buffer.fill(1);
        }
    }
}

fn send(uart: &mut Uart, output: Output<'_, u8>, out: &mut [u8; 256]) {
    let written = match output {
        Output::Send(packet) => packet.encode(Version::V5, out),
        Output::Publish(publication) => {
            let reading = READINGS.get(usize::from(publication.key)).copied().unwrap_or_default();
            Packet::from(publication.of(Publish::new(TOPIC, reading))).encode(Version::V5, out)
        }
        // No storage: what is on its way ends with the power.
        Output::Store(_) | Output::Done(..) | Output::Close(_) => return,
    };
    uart.write(written.ok().and_then(|n| out.get(..n)).unwrap_or_default());
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
