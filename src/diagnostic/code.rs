//! The stable names of findings: a code and a slug each, never reused.

use std::fmt;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($variant:ident $code:literal $slug:literal $severity:ident $doc:literal;)*) => {
        /// What kind of finding it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $doc] $variant,)*
        }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The number, e.g. `E010`.
            pub fn number(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// The name that `@allow` and reports use, e.g. `unknown-name`.
            pub fn slug(self) -> &'static str {
                match self { $(Code::$variant => $slug,)* }
            }

            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }

            /// The code of a number or slug, e.g. `W102` or `dead-end`.
            pub fn named(text: &str) -> Option<Self> {
                let fits = |c: &&Code| c.slug() == text || c.number().eq_ignore_ascii_case(text);
                Self::ALL.iter().find(fits).copied()
            }

            /// What the code means, in a sentence.
            pub fn summary(self) -> &'static str {
                match self { $(Code::$variant => $doc,)* }
            }

            /// Its page in `docs/findings`, as Markdown. A code without a page does not compile.
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$variant => include_str!(concat!("../../docs/findings/", $slug, ".md")),)*
                }
            }
        }
    };
}

codes! {
    Syntax "E001" "syntax" Error "the text does not follow the grammar";
    UnreadableFile "E002" "unreadable-file" Error "a rule file cannot be read, or is not UTF-8";
    TooLarge "E003" "too-large" Error "a rule file, or what its rules expand to, is larger than the compiler takes";
    TooDeep "E004" "too-deep" Error "parentheses or imports are nested deeper than the compiler takes";
    NewerLanguage "E005" "newer-language" Error "the file asks for a language version that this build does not know";
    ImportCycle "E006" "import-cycle" Error "files import each other in a circle";
    UnknownName "E010" "unknown-name" Error "a name is used that nothing declares";
    DuplicateName "E011" "duplicate-name" Error "a name or clause is given twice in one place";
    ReservedName "E012" "reserved-name" Error "a name is declared that the language keeps for itself";
    TypeError "E020" "type-error" Error "a condition or a value has a type that does not fit";
    BadLiteral "E021" "bad-literal" Error "a number, duration, regex, glob or time is malformed or out of range";
    BadTemplate "E030" "bad-template" Error "a template is malformed";
    UnboundHole "E031" "unbound-hole" Error "a template has a hole that no write can fill";
    KeyCollision "E032" "key-collision" Error "two templates can produce the same key";
    BadRelation "E040" "bad-relation" Error "a relation and the refs of its entities do not fit together";
    BadRule "E041" "bad-rule" Error "clauses of a rule contradict each other";
    MissingDrop "E042" "missing-drop" Error "a chained rule says nothing to drop";
    NoRules "W101" "no-rules" Warning "the rule set has no rule: no write would invalidate anything";
    DeadEnd "W102" "dead-end" Warning "a cascade reaches an entity of which no write could name a key or tag";
    UnusedAllow "W103" "unused-allow" Warning "an `@allow` suppresses nothing";
    AllowWithoutReason "W104" "allow-without-reason" Warning "an `@allow` gives no reason";
    DanglingDoc "W105" "dangling-doc" Warning "a doc comment documents nothing";
    NeverTrue "W201" "never-true" Warning "a condition, or a part of it, is true of no write";
    AlwaysTrue "W202" "always-true" Warning "a condition, or a part of it, is true of every write";
    UnreachableRule "W203" "unreachable-rule" Warning "a chained rule waits for a tag that no rule drops";
    ShadowedRule "W204" "shadowed-rule" Warning "another rule drops all that a rule drops, whenever it fires";
    ContradictingTiming "W205" "contradicting-timing" Warning "another rule drops the same sooner, whenever a rule fires";
    EqualPriorities "W206" "equal-priorities" Warning "only their names decide which of two rules on one target comes first";
    PriorityInversion "W207" "priority-inversion" Warning "a chained rule is carried out before the drop that fires it";
    KeyspaceScan "W208" "keyspace-scan" Warning "a `match` has next to no literal prefix and looks at every key of the cache";
    EmptyRegex "W209" "empty-regex" Warning "a regex matches nothing";
    UniversalRegex "W210" "universal-regex" Warning "a regex matches everything";
    LiteralRegex "W211" "literal-regex" Warning "a regex says no more than a plain text";
    UnboundedFanOut "W212" "unbounded-fan-out" Warning "one write drops every combination of several lists";
    TagCollision "W213" "tag-collision" Warning "two tag templates mean different things but can produce the same tag";
    UndecidedCondition "W214" "undecided-condition" Warning "whether a condition is ever true could not be decided";
    CascadeCycle "W301" "cascade-cycle" Warning "the cascades that rules follow form a cycle";
    DeepCascade "W302" "deep-cascade" Warning "a cascade goes more than two hops deep";
    UnfollowedRelation "W303" "unfollowed-relation" Warning "no rule follows a relation";
    UnreachedList "W304" "unreached-list" Warning "a cascade reaches an entity, but cannot name one of its lists";
    StalePath "W305" "stale-path" Warning "a row that moves leaves entries below it behind under their old tags";
    UncascadedDelete "W306" "uncascaded-delete" Warning "the delete of a parent does not cascade to its children";
    UncoveredEntity "W401" "uncovered-entity" Warning "an entity is cached, but no rule is about it and no cascade reaches it";
    UncoveredOperation "W402" "uncovered-operation" Warning "an entity has rules, but none for one of its operations";
    UnusedEntity "W403" "unused-entity" Warning "an entity is declared, and nothing mentions it";
    UnusedField "W404" "unused-field" Warning "a field is declared, but no template and no condition uses it";
    UnusedContext "W405" "unused-context" Warning "a context attribute is declared, but no template and no condition uses it";
    UnusedVary "W406" "unused-vary" Warning "a `vary` dimension is declared, but no template uses it";
    UnrefreshedList "W407" "unrefreshed-list" Warning "a list is not dropped when a row is created, or when one is deleted";
    UndroppedTag "W408" "undropped-tag" Warning "entries carry a tag or list that no rule drops";
    DropOfNothing "W409" "drop-of-nothing" Warning "a rule drops a tag that nothing carries, and that is nearly one that entries do carry";
    MissedColumn "W410" "missed-column" Warning "a rule looks at some columns only, and a name that it drops is filled from another";
    UnknownTable "W501" "unknown-table" Warning "the database has no table for an entity";
    UnknownColumn "W502" "unknown-column" Warning "the table of an entity has no column for a field or ref";
    UnfitType "W503" "unfit-type" Warning "a field is declared with a type that its column does not have";
    UnmappedTable "W504" "unmapped-table" Warning "a table of the database has no entity";
    UnreachedColumn "W505" "unreached-column" Warning "a column of the database can change without any rule firing";
    UnrelatedKey "W506" "unrelated-key" Warning "no relation goes along a foreign key of the database";
}

impl Code {
    /// Whether only a database can tell: `lint` finds it where it is given one, by `--schema`.
    pub fn is_about_schema(self) -> bool {
        matches!(
            self,
            Self::UnknownTable
                | Self::UnknownColumn
                | Self::UnfitType
                | Self::UnmappedTable
                | Self::UnreachedColumn
                | Self::UnrelatedKey
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}
