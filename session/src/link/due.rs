//! Which outputs may be due.

/// The kinds of outputs that may be due, a bit each, in the order in which they are done. One that is there may be there
/// for nothing; one that is due is always there.
///
/// Performance: where nothing is due, that is seen at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Due(u8);

impl Due {
    /// Records of the session, and the keys that they set free.
    pub(crate) const RECORDS: Self = Self(1);
    /// Short packets and messages of QoS 0.
    pub(crate) const SHORT: Self = Self(2);
    /// Acknowledgements of messages in the window.
    pub(crate) const WINDOW: Self = Self(4);
    /// PUBRELs and their records.
    pub(crate) const RELEASE: Self = Self(8);
    /// Messages of QoS 1 and 2 and their records.
    pub(crate) const PUBLISH: Self = Self(16);
    /// The end of the connection.
    pub(crate) const CLOSE: Self = Self(32);
    /// What may be due when the connection is open.
    pub(crate) const OPEN: Self = Self(31);

    #[inline(always)]
    pub(crate) const fn has(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }

    #[inline(always)]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(crate) const fn add(&mut self, kind: Self) {
        self.0 |= kind.0;
    }

    #[inline(always)]
    pub(crate) const fn remove(&mut self, kind: Self) {
        self.0 &= !kind.0;
    }

    /// The connection ends: nothing else is due of it any more.
    pub(crate) const fn close(&mut self) {
        self.0 = self.0 & Self::RECORDS.0 | Self::CLOSE.0;
    }
}
