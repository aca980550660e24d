//! Where a session and its connection keep what they keep: in arrays of a fixed size, or in memory that grows.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, collections::VecDeque};
use core::fmt;
#[cfg(feature = "alloc")]
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::num::NonZeroU16;

use crate::link::{Incoming, Request, Todo};
use crate::session::{Outgoing, Received};

/// A list in order, which may have an end.
pub trait List<T>: Default {
    /// The number of items.
    fn len(&self) -> usize;
    /// How many more items there is room for.
    fn room(&self) -> usize;
    /// The item at that place.
    fn get(&self, at: usize) -> Option<&T>;
    /// The item at that place, to be changed.
    fn get_mut(&mut self, at: usize) -> Option<&mut T>;
    /// Puts an item at that place, before those that are there and behind.
    ///
    /// # Errors
    /// The item, when there is no room, or no such place.
    fn insert(&mut self, at: usize, item: T) -> Result<(), T>;
    /// Takes an item out; those behind it move up.
    fn remove(&mut self, at: usize) -> Option<T>;

    /// Whether there is no item.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an item behind the others.
    ///
    /// # Errors
    /// The item, when there is no room.
    fn push(&mut self, item: T) -> Result<(), T> {
        self.insert(self.len(), item)
    }

    /// The first item from that place on of which `test` is true.
    fn find(&self, from: usize, mut test: impl FnMut(&T) -> bool) -> Option<usize> {
        let mut at = from;
        while let Some(item) = self.get(at) {
            if test(item) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    /// Takes all items out.
    fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives memory back, if there is no item.
    fn shrink(&mut self) {}
}

/// A list of at most `N` items.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Array<T, const N: usize> {
    len: u16,
    items: [Option<T>; N],
}

impl<T, const N: usize> Default for Array<T, N> {
    fn default() -> Self {
        Self { len: 0, items: [const { None }; N] }
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Array<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items.iter().flatten()).finish()
    }
}

impl<T, const N: usize> List<T> for Array<T, N> {
    #[inline]
    fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn room(&self) -> usize {
        N.min(usize::from(u16::MAX)) - self.len().min(N)
    }

    #[inline]
    fn get(&self, at: usize) -> Option<&T> {
        self.items.get(at)?.as_ref()
    }

    #[inline]
    fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.items.get_mut(at)?.as_mut()
    }

    #[inline]
    fn insert(&mut self, at: usize, item: T) -> Result<(), T> {
        let len = self.len();
        if at > len || self.room() == 0 {
            return Err(item);
        }
        self.len = self.len.saturating_add(1);
        // Performance: at the end nothing moves.
        if at == len {
            if let Some(place) = self.items.get_mut(at) {
                *place = Some(item);
            }
            return Ok(());
        }
        let mut moved = Some(item);
        for place in self.items.iter_mut().skip(at) {
            core::mem::swap(place, &mut moved);
            if moved.is_none() {
                break;
            }
        }
        Ok(())
    }

    #[inline]
    fn remove(&mut self, at: usize) -> Option<T> {
        let len = self.len();
        let mut places = self.items.get_mut(at..len)?.iter_mut();
        let mut hole = places.next()?;
        let taken = hole.take()?;
        for place in places {
            *hole = place.take();
            hole = place;
        }
        self.len = self.len.saturating_sub(1);
        Some(taken)
    }

    #[inline]
    fn find(&self, from: usize, mut test: impl FnMut(&T) -> bool) -> Option<usize> {
        let items = self.items.get(from..self.len())?;
        Some(from + items.iter().position(|item| item.as_ref().is_some_and(&mut test))?)
    }
}

/// A list that grows.
///
/// Performance: one that was never filled takes a pointer's room, as most lists of most connections are.
#[cfg(feature = "alloc")]
#[derive(Clone)]
#[allow(clippy::box_collection, reason = "a ring takes four times the room of a pointer")]
pub struct Ring<T>(Option<Box<VecDeque<T>>>);

#[cfg(feature = "alloc")]
impl<T> Ring<T> {
    fn items(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|ring| ring.iter())
    }
}

#[cfg(feature = "alloc")]
impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self(None)
    }
}

#[cfg(feature = "alloc")]
impl<T: fmt::Debug> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items()).finish()
    }
}

#[cfg(feature = "alloc")]
impl<T: PartialEq> PartialEq for Ring<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items().eq(other.items())
    }
}

#[cfg(feature = "alloc")]
impl<T: Eq> Eq for Ring<T> {}

#[cfg(feature = "alloc")]
impl<T: Hash> Hash for Ring<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len().hash(state);
        self.items().for_each(|item| item.hash(state));
    }
}

#[cfg(feature = "alloc")]
impl<T> List<T> for Ring<T> {
    #[inline]
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |ring| ring.len())
    }

    #[inline]
    fn room(&self) -> usize {
        usize::from(u16::MAX).saturating_sub(self.len())
    }

    #[inline]
    fn get(&self, at: usize) -> Option<&T> {
        self.0.as_ref()?.get(at)
    }

    #[inline]
    fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.as_mut()?.get_mut(at)
    }

    #[inline]
    fn insert(&mut self, at: usize, item: T) -> Result<(), T> {
        if at > self.len() || self.room() == 0 {
            return Err(item);
        }
        let ring = self.0.get_or_insert_default();
        // Performance: at its ends a ring moves nothing.
        if at == ring.len() {
            ring.push_back(item);
        } else {
            ring.insert(at, item);
        }
        Ok(())
    }

    #[inline]
    fn remove(&mut self, at: usize) -> Option<T> {
        let ring = self.0.as_mut()?;
        if at == 0 { ring.pop_front() } else { ring.remove(at) }
    }

    #[inline]
    fn shrink(&mut self) {
        self.0.take_if(|ring| ring.is_empty());
    }

    #[inline]
    fn find(&self, from: usize, mut test: impl FnMut(&T) -> bool) -> Option<usize> {
        let at = self.0.as_ref()?.iter().skip(from).position(&mut test)?;
        Some(from + at)
    }
}

/// The topic name that an alias stands for, in memory of its own.
pub trait Name: Sized {
    /// Keeps a name; `None` when it is longer than there is room for.
    fn keep(name: &[u8]) -> Option<Self>;
    /// The name.
    fn as_bytes(&self) -> &[u8];
}

/// A name of at most `N` bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArrayName<const N: usize> {
    len: u16,
    bytes: [u8; N],
}

impl<const N: usize> Name for ArrayName<N> {
    fn keep(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { len: u16::try_from(name.len()).ok()?, bytes })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(feature = "alloc")]
impl Name for Box<[u8]> {
    fn keep(name: &[u8]) -> Option<Self> {
        Some(name.into())
    }

    fn as_bytes(&self) -> &[u8] {
        self
    }
}

/// A topic alias and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alias<N> {
    pub(crate) number: NonZeroU16,
    /// `None` when there was no room for so long a name.
    pub(crate) name: Option<N>,
}

/// What can be cloned, compared and hashed.
#[doc(hidden)]
pub trait Value: Clone + fmt::Debug + Eq + core::hash::Hash {}
impl<T: Clone + fmt::Debug + Eq + core::hash::Hash> Value for T {}

/// Where the slots of a session and its connections are: [`Fixed`] or, with the feature `alloc`, [`Growing`].
///
/// ```
/// use mqtt_session::{Session, Slots};
///
/// /// Takes sessions of either kind.
/// fn is_idle<S: Slots>(session: &Session<S>) -> bool {
///     session.in_flight() == 0
/// }
/// assert!(is_idle(&Session::new(mqtt_session::Fixed::<u16, 8, 4>::new())));
/// ```
pub trait Slots {
    /// What the caller knows a message by: an index in a ring, an offset in flash, a `Frame`.
    type Key: Clone;
    #[doc(hidden)]
    type Outgoing: List<Outgoing<Self::Key>>;
    #[doc(hidden)]
    type Received: List<Received> + Value;
    #[doc(hidden)]
    type Window: List<Incoming> + Value;
    #[doc(hidden)]
    type Todo: List<Todo<Self::Key>>;
    #[doc(hidden)]
    type Requests: List<Request> + Value;
    #[doc(hidden)]
    type Name: Name;
    #[doc(hidden)]
    type Names: List<Alias<Self::Name>> + Value;

    /// The highest Packet Identifier to use; then they begin again at 1.
    const LAST_ID: u16 = u16::MAX;

    /// The most messages of QoS 1 and 2 that are on their way to the peer, over all connections of the session.
    fn outgoing(&self) -> u16;
    /// The most messages of QoS 1 and 2 of the peer's whose handshake is under way: the largest Receive Maximum that
    /// can be announced.
    fn incoming(&self) -> u16;
    /// The most topic aliases in each direction: the largest Topic Alias Maximum that can be announced.
    fn aliases(&self) -> u16;
}

/// Slots in arrays: `OUT` messages on their way out, `IN` on their way in, and for each direction `ALIASES` topic
/// aliases whose names have at most `NAME` bytes. A client may wait for four answers to SUBSCRIBE and UNSUBSCRIBE.
///
/// The longest list is one of 65,535 items.
///
/// ```
/// use mqtt_session::{Fixed, Session};
///
/// // Keys of one byte, four messages out, two in, no topic aliases: all of it in an array.
/// let session = Session::new(Fixed::<u8, 4, 2>::new());
/// assert!(size_of_val(&session) < 200);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fixed<K, const OUT: usize, const IN: usize, const ALIASES: usize = 0, const NAME: usize = 0>(
    PhantomData<K>,
);

impl<K, const OUT: usize, const IN: usize, const ALIASES: usize, const NAME: usize>
    Fixed<K, OUT, IN, ALIASES, NAME>
{
    /// The slots; they take no room before they are part of a session.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K, const OUT: usize, const IN: usize, const ALIASES: usize, const NAME: usize> Default
    for Fixed<K, OUT, IN, ALIASES, NAME>
{
    fn default() -> Self {
        Self::new()
    }
}

/// A length as a count of the wire.
pub(crate) const fn count(n: usize) -> u16 {
    if n > u16::MAX as usize {
        u16::MAX
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "compared before")]
        {
            n as u16
        }
    }
}

impl<K: Clone, const OUT: usize, const IN: usize, const ALIASES: usize, const NAME: usize> Slots
    for Fixed<K, OUT, IN, ALIASES, NAME>
{
    type Key = K;
    type Outgoing = Array<Outgoing<K>, OUT>;
    type Received = Array<Received, IN>;
    type Window = Array<Incoming, IN>;
    type Todo = Array<Todo<K>, 8>;
    type Requests = Array<Request, 4>;
    type Name = ArrayName<NAME>;
    type Names = Array<Alias<ArrayName<NAME>>, ALIASES>;

    fn outgoing(&self) -> u16 {
        count(OUT)
    }

    fn incoming(&self) -> u16 {
        count(IN)
    }

    fn aliases(&self) -> u16 {
        count(ALIASES)
    }
}

/// Slots that grow as they are needed, up to these limits.
///
/// ```
/// use mqtt_session::{Growing, Session};
///
/// // Keys are texts. At most 100 messages out, 20 in, 10 topic aliases; memory as they come.
/// let session = Session::new(Growing::<String>::new(100, 20, 10));
/// assert_eq!((session.receive_maximum(), session.topic_alias_maximum()), (20, 10));
/// ```
#[cfg(feature = "alloc")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Growing<K> {
    outgoing: u16,
    incoming: u16,
    aliases: u16,
    key: PhantomData<K>,
}

#[cfg(feature = "alloc")]
impl<K> Growing<K> {
    /// Room for so many messages of QoS 1 and 2 on their way out, so many on their way in, and so many topic aliases in
    /// each direction.
    pub const fn new(outgoing: u16, incoming: u16, aliases: u16) -> Self {
        Self { outgoing, incoming, aliases, key: PhantomData }
    }
}

/// As many messages as there are identifiers, no topic aliases.
#[cfg(feature = "alloc")]
impl<K> Default for Growing<K> {
    fn default() -> Self {
        Self::new(u16::MAX, u16::MAX, 0)
    }
}

#[cfg(feature = "alloc")]
impl<K: Clone> Slots for Growing<K> {
    type Key = K;
    type Outgoing = Ring<Outgoing<K>>;
    type Received = Ring<Received>;
    type Window = Ring<Incoming>;
    type Todo = Ring<Todo<K>>;
    type Requests = Ring<Request>;
    type Name = Box<[u8]>;
    type Names = Ring<Alias<Box<[u8]>>>;

    fn outgoing(&self) -> u16 {
        self.outgoing
    }

    fn incoming(&self) -> u16 {
        self.incoming
    }

    fn aliases(&self) -> u16 {
        self.aliases
    }
}
