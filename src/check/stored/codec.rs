//! Values as bytes, and back. Bytes that no [`Writer`] made give `None` and never a panic, nor more
//! memory than they could fill.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// A value that can be written and read back.
pub trait Stored: Sized {
    fn put(&self, out: &mut Writer);
    fn get(from: &mut Reader<'_>) -> Option<Self>;
}

/// Values inside one another at most; conditions are capped where they are parsed.
const MAX_NESTING: usize = 256;

#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
    /// The texts so far, by their number: each is written once.
    texts: FxHashMap<Arc<str>, u64>,
}

impl Writer {
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Seven bits to a byte, the lowest first.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    pub fn text(&mut self, text: &str) {
        if let Some(number) = self.texts.get(text) {
            let number = *number;
            return self.number(number);
        }
        self.number(0);
        self.raw(text.as_bytes());
        let number = self.texts.len() as u64 + 1;
        self.texts.insert(text.into(), number);
    }
}

/// How many things of each sort there are: an id is a place below that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub entities: usize,
    pub relations: usize,
    pub context: usize,
    pub varies: usize,
    /// Holes of the rule that is being read.
    pub holes: usize,
}

pub struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<Arc<str>>,
    nesting: usize,
    pub limits: Limits,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], limits: Limits) -> Self {
        Self { rest: bytes, texts: Vec::new(), nesting: 0, limits }
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A number of things that follow, each of at least one byte.
    pub fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.rest.len())
    }

    /// A place below a limit.
    pub fn place(&mut self, limit: usize) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|place| *place < limit)
    }

    pub fn raw(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    pub fn text(&mut self) -> Option<Arc<str>> {
        let number = usize::try_from(self.number()?).ok()?;
        if let Some(place) = number.checked_sub(1) {
            return self.texts.get(place).cloned();
        }
        let text: Arc<str> = std::str::from_utf8(self.raw()?).ok()?.into();
        self.texts.push(text.clone());
        Some(text)
    }

    /// Reads something that may hold others of its kind.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.nesting >= MAX_NESTING {
            return None;
        }
        self.nesting += 1;
        let value = read(self);
        self.nesting -= 1;
        value
    }
}

/// Writes the fields of a struct, or a variant's number and its fields, in their order. Fields behind
/// `but` are no part of it and get the value that stands there.
macro_rules! stored {
    (struct $name:ident { $($field:ident),* } $(but { $($absent:ident: $value:expr),* })?) => {
        impl $crate::check::stored::codec::Stored for $name {
            fn put(&self, out: &mut $crate::check::stored::codec::Writer) {
                $($crate::check::stored::codec::Stored::put(&self.$field, out);)*
            }
            fn get(from: &mut $crate::check::stored::codec::Reader<'_>) -> Option<Self> {
                Some(Self {
                    $($field: $crate::check::stored::codec::Stored::get(from)?,)*
                    $($($absent: $value,)*)?
                })
            }
        }
    };
    (enum $name:ident {
        $($tag:literal $variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?),* $(,)?
    }) => {
        impl $crate::check::stored::codec::Stored for $name {
            fn put(&self, out: &mut $crate::check::stored::codec::Writer) {
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        out.byte($tag);
                        $($($crate::check::stored::codec::Stored::put($item, out);)*)?
                        $($($crate::check::stored::codec::Stored::put($field, out);)*)?
                    })*
                }
            }
            fn get(from: &mut $crate::check::stored::codec::Reader<'_>) -> Option<Self> {
                Some(match from.byte()? {
                    $($tag => {
                        $($(let $item = $crate::check::stored::codec::Stored::get(from)?;)*)?
                        $($(let $field = $crate::check::stored::codec::Stored::get(from)?;)*)?
                        Self::$variant $(($($item),*))? $({ $($field),* })?
                    })*
                    _ => return None,
                })
            }
        }
    };
}

pub(super) use stored;

impl Stored for bool {
    fn put(&self, out: &mut Writer) {
        out.byte(u8::from(*self));
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

macro_rules! numbers {
    ($($number:ident)*) => {$(
        impl Stored for $number {
            fn put(&self, out: &mut Writer) {
                out.number(*self as u64);
            }
            fn get(from: &mut Reader<'_>) -> Option<Self> {
                from.number()?.try_into().ok()
            }
        }
    )*};
}

numbers! { u16 u32 u64 }

impl Stored for u128 {
    fn put(&self, out: &mut Writer) {
        out.raw(&self.to_le_bytes());
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from_le_bytes(from.raw()?.try_into().ok()?))
    }
}

impl Stored for Arc<str> {
    fn put(&self, out: &mut Writer) {
        out.text(self);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        from.text()
    }
}

impl Stored for String {
    fn put(&self, out: &mut Writer) {
        out.text(self);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(from.text()?.as_ref().to_owned())
    }
}

impl<T: Stored> Stored for Box<T> {
    fn put(&self, out: &mut Writer) {
        self.as_ref().put(out);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        T::get(from).map(Self::new)
    }
}

/// A list as all sorts of lists are written.
fn put_all<T: Stored>(list: &[T], out: &mut Writer) {
    out.number(list.len() as u64);
    list.iter().for_each(|value| value.put(out));
}

impl<T: Stored> Stored for Box<[T]> {
    fn put(&self, out: &mut Writer) {
        put_all(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Vec::get(from).map(Vec::into_boxed_slice)
    }
}

impl<T: Stored> Stored for Arc<[T]> {
    fn put(&self, out: &mut Writer) {
        put_all(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Vec::get(from).map(Self::from)
    }
}

impl<T: Stored> Stored for Option<T> {
    fn put(&self, out: &mut Writer) {
        self.is_some().put(out);
        self.iter().for_each(|value| value.put(out));
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(if bool::get(from)? { Some(T::get(from)?) } else { None })
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn put(&self, out: &mut Writer) {
        put_all(self, out);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let count = from.count()?;
        // Not the whole count at once: of large values the bytes could hold far fewer.
        let mut out = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            out.push(T::get(from)?);
        }
        Some(out)
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
        self.1.put(out);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::get(from)?, B::get(from)?))
    }
}
