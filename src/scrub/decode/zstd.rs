//! zstd: one or more frames, read as one stream. A frame that asks for a window over 8 MiB is refused, so that a header
//! of a few bytes can't make us hold more.

use std::io;

use ::zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::{Broken, Step};

/// 8 MiB, as a power of two.
const WINDOW_LOG_MAX: u32 = 23;

pub(super) struct Zstd {
    state: Decoder<'static>,
    /// A frame has ended and no other has begun.
    between: bool,
}

impl Zstd {
    pub(super) fn new() -> io::Result<Self> {
        let mut state = Decoder::new()?;
        state.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Zstd {
            state,
            between: false,
        })
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Broken> {
        if self.between && input.is_empty() {
            return Ok(Step {
                read: 0,
                written: 0,
            });
        }
        let mut input = InBuffer::around(input);
        let mut output = OutBuffer::around(output);
        // What is left of the frame, as far as is known; zero once all of it has been given out.
        let left = self
            .state
            .run(&mut input, &mut output)
            .map_err(|_| Broken::Malformed)?;
        self.between = left == 0;
        Ok(Step {
            read: input.pos(),
            written: output.pos(),
        })
    }

    pub(super) fn complete(&self) -> bool {
        self.between
    }
}
