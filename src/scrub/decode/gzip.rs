//! gzip: one or more members, each with its checksum, read as one stream.

use flate2::Decompress;

use super::deflate::inflate;
use super::{Broken, Step};

const WINDOW_BITS: u8 = 15;

pub(super) struct Gzip {
    state: Decompress,
    /// Between two members: the body may end here, or another one begins.
    between: bool,
    /// No member has begun yet, so an empty body is cut off.
    fresh: bool,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Gzip {
            state: Decompress::new_gzip(WINDOW_BITS),
            between: true,
            fresh: true,
        }
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Broken> {
        if self.between {
            if input.is_empty() {
                return Ok(Step {
                    read: 0,
                    written: 0,
                });
            }
            if !self.fresh {
                self.state.reset(true);
            }
            (self.between, self.fresh) = (false, false);
        }
        let (step, ended) = inflate(&mut self.state, input, output)?;
        self.between = ended;
        Ok(step)
    }

    pub(super) fn complete(&self) -> bool {
        self.between && !self.fresh
    }
}
