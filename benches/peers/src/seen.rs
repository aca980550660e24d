//! Reading a field so that the compiler cannot leave it out.

use std::hint::black_box;

use bytes::Bytes;

/// What can be read: a text as `&str`, a list item by item.
pub trait Seen {
    fn seen(&self);
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Seen for $number {
            #[inline]
            fn seen(&self) {
                black_box(*self);
            }
        }
    )*};
}

numbers!(bool, u8, u16, u32, usize);

impl Seen for str {
    #[inline]
    fn seen(&self) {
        black_box(self);
    }
}

impl Seen for String {
    #[inline]
    fn seen(&self) {
        self.as_str().seen();
    }
}

/// Binary data is read as a slice.
impl Seen for Bytes {
    #[inline]
    fn seen(&self) {
        black_box(&self[..]);
    }
}

impl<T: Seen> Seen for Vec<T> {
    #[inline]
    fn seen(&self) {
        self.iter().for_each(T::seen);
    }
}

impl<T: Seen> Seen for Option<T> {
    #[inline]
    fn seen(&self) {
        if let Some(value) = self {
            value.seen();
        }
    }
}

impl<A: Seen, B: Seen> Seen for (A, B) {
    #[inline]
    fn seen(&self) {
        self.0.seen();
        self.1.seen();
    }
}

impl<T: Seen + ?Sized> Seen for &T {
    #[inline]
    fn seen(&self) {
        (**self).seen();
    }
}

/// Text that a codec leaves as bytes: what a program does to have a `&str`.
#[inline]
pub fn text(bytes: &[u8]) {
    black_box(std::str::from_utf8(bytes).is_ok());
}

/// Reads the named fields of a struct.
macro_rules! seen {
    ($of:expr => $($field:ident),* $(,)?) => {{
        let of = $of;
        $($crate::seen::Seen::seen(&of.$field);)*
    }};
}

pub(crate) use seen;
