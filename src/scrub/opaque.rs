//! What nobody can vouch for, because nothing reads it: left out, unless an operator says that it may pass.

/// Kinds of content that is passed on as it is, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opaque {
    /// Binary attachments: screenshots, archives.
    Attachment,
    /// Minidumps: stacks and heap of a process, and on Linux its environment.
    Minidump,
    /// Profiles in Perfetto's binary form.
    Perfetto,
    /// Session replays: what stood on the screen, and what was typed.
    Replay,
}

impl Opaque {
    /// All kinds, with the names by which operators list them.
    pub const NAMES: [(&'static str, Opaque); 4] = [
        ("attachment", Opaque::Attachment),
        ("minidump", Opaque::Minidump),
        ("perfetto", Opaque::Perfetto),
        ("replay", Opaque::Replay),
    ];
}

/// A set of kinds; empty by default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passing(u8);

impl Passing {
    pub(crate) fn of(kinds: &[Opaque]) -> Self {
        Passing(kinds.iter().fold(0, |set, kind| set | 1 << *kind as u8))
    }

    pub(crate) fn has(self, kind: Opaque) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}
