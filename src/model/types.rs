//! The words of the language that keep their meaning through every stage.

use std::fmt;

/// The type of a field or context attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Type {
    pub scalar: Scalar,
    pub list: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    String,
    Int,
    Float,
    Bool,
    /// An instant, written in RFC 3339.
    Time,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.list { write!(f, "[{}]", self.scalar) } else { self.scalar.fmt(f) }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
        })
    }
}

/// How many instances stand on each side of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    OneToOne,
    OneToMany,
    ManyToOne,
    ManyToMany,
    ParentChild,
}

impl Kind {
    /// The kind of the same relation, read from its target.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::OneToOne => Self::OneToOne,
            Self::OneToMany | Self::ParentChild => Self::ManyToOne,
            Self::ManyToOne => Self::OneToMany,
            Self::ManyToMany => Self::ManyToMany,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneToOne => "one_to_one",
            Self::OneToMany => "one_to_many",
            Self::ManyToOne => "many_to_one",
            Self::ManyToMany => "many_to_many",
            Self::ParentChild => "parent_child",
        })
    }
}

/// When a drop is carried out. Ordered by urgency, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timing {
    /// Before the command returns.
    Immediate,
    /// After a delay in which equal drops coalesce.
    Batched {
        /// In milliseconds.
        delay: u64,
    },
    /// On the next access, or by the sweeper.
    Lazy,
}

impl Timing {
    /// The word of the language, without the delay.
    pub fn word(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Batched { .. } => "batched",
            Self::Lazy => "lazy",
        }
    }

    /// In milliseconds; 0 for all but batched.
    pub fn delay(self) -> u64 {
        match self {
            Self::Batched { delay } => delay,
            Self::Immediate | Self::Lazy => 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Comparison {
    /// Whether the order of two values satisfies it.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        })
    }
}
