//! Edits that are tried on a text and not made: whether they leave it as it is, and what it would leave as.
//!
//! ```text
//!   text    ... token=[Filtered]&code=abc&a=1 ...
//!   cuts              |same     |     |other|
//!   out     ... token=[Filtered]&code=[Filtered]      (from the first that is other on)
//! ```

use bytes::Bytes;

use super::name::RuleIndex;

/// By how much what leaves is expected to be longer, in bytes.
const ROOM: usize = 256;

/// What leaves in place of a text, and the rules by which, with how often.
pub(crate) type Other = (Bytes, Vec<(RuleIndex, u64)>);

/// The edits of one text, compared with it. Cuts nest, and only the outermost has a replacement.
#[derive(Debug)]
pub(crate) struct Check {
    text: Bytes,
    /// What is cut leaves as asterisks.
    masks: bool,
    /// Where the cut begins that has not ended, or the last one.
    from: usize,
    /// How many cuts are open.
    cuts: u8,
    /// What is put out in place of that cut, and the rules by which.
    put: Vec<u8>,
    by: Vec<RuleIndex>,
    /// What leaves in place of the text up to `done`, if that is something else.
    out: Option<Vec<u8>>,
    done: usize,
    rules: Vec<(RuleIndex, u64)>,
}

impl Check {
    pub(crate) fn new(text: Bytes, masks: bool) -> Check {
        Check {
            text,
            masks,
            from: 0,
            cuts: 0,
            put: Vec::new(),
            by: Vec::new(),
            out: None,
            done: 0,
            rules: Vec::new(),
        }
    }

    pub(super) fn cut(&mut self, at: u64) {
        if self.cuts == 0 {
            self.from = at as usize;
            self.put.clear();
            self.by.clear();
        }
        self.cuts = self.cuts.saturating_add(1);
    }

    pub(super) fn insert(&mut self, text: &[u8]) {
        if self.cuts == 1 && !self.masks {
            self.put.extend_from_slice(text);
        }
    }

    pub(super) fn record(&mut self, rule: RuleIndex) {
        if self.cuts == 1 {
            self.by.push(rule);
        }
    }

    pub(super) fn resume(&mut self, at: u64) {
        self.cuts = self.cuts.saturating_sub(1);
        if self.cuts == 0 {
            self.replace(at as usize);
        }
    }

    /// The cut at hand ends here.
    fn replace(&mut self, at: usize) {
        let cut = self.text.get(self.from..at).unwrap_or_default();
        let same = match self.masks {
            true => is_masked(cut),
            false => cut == self.put,
        };
        if same {
            return;
        }
        let room = self.text.len() + ROOM;
        let out = self.out.get_or_insert_with(|| Vec::with_capacity(room));
        out.extend_from_slice(&self.text[self.done..self.from]);
        match self.masks {
            true => out.resize(out.len() + cut.len(), b'*'),
            false => out.extend_from_slice(&self.put),
        }
        self.done = at;
        for rule in self.by.drain(..) {
            match self.rules.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, count)) => *count += 1,
                None => self.rules.push((rule, 1)),
            }
        }
    }

    /// The text has been read up to a place. Tells whether a cut is open there that makes something else of it, wherever it ends.
    pub(crate) fn end(&mut self, at: usize) -> bool {
        if self.cuts == 0 {
            return false;
        }
        let cut = self.text.get(self.from..at).unwrap_or_default();
        if self.masks {
            // Asterisks are as good as any others.
            let open = !is_masked(cut);
            self.cuts = 0;
            self.replace(at);
            return open;
        }
        !self.put.starts_with(cut)
    }

    /// What leaves in place of the text, if something else does, and the rules by which. A cut that is open is not made.
    pub(crate) fn other(self) -> Option<Other> {
        let mut out = self.out?;
        out.extend_from_slice(&self.text[self.done..]);
        Some((Bytes::from(out), self.rules))
    }
}

/// Whether nothing but asterisks is left.
fn is_masked(cut: &[u8]) -> bool {
    cut.iter().all(|byte| *byte == b'*')
}
