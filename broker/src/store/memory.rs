//! [`Memory`]: nothing outlives the process.

use super::{Change, Kept, Store, StoreError};

/// Keeps nothing: the state of the process is all there is (`--memory`).
#[derive(Debug, Default, Clone, Copy)]
pub struct Memory;

impl Store for Memory {
    fn load(&mut self) -> Result<Kept, StoreError> {
        Ok(Kept::default())
    }

    fn commit(&mut self, _: &[Change]) -> Result<(), StoreError> {
        Ok(())
    }
}
