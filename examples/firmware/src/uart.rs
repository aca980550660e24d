//! UART 0 of an LM3S6965, a PL011: the bytes of a connection come and go through it.

const DATA: *mut u32 = 0x4000_C000 as *mut u32;
const FLAGS: *const u32 = 0x4000_C018 as *const u32;
const RECEIVE_EMPTY: u32 = 1 << 4;
const TRANSMIT_FULL: u32 = 1 << 5;

/// The only user of the UART.
pub struct Uart(());

impl Uart {
    /// The UART. Reset leaves it as the emulator wants it.
    pub const fn new() -> Self {
        Self(())
    }

    /// A byte that has come.
    pub fn read(&mut self) -> Option<u8> {
        // SAFETY: both are registers of this machine; reading them touches no memory.
        unsafe { (FLAGS.read_volatile() & RECEIVE_EMPTY == 0).then(|| DATA.read_volatile() as u8) }
    }

    /// Sends bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // SAFETY: as above; a write to the data register sends a byte.
            unsafe {
                while FLAGS.read_volatile() & TRANSMIT_FULL != 0 {}
                DATA.write_volatile(u32::from(*byte));
            }
        }
    }
}
