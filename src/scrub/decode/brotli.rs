//! brotli, with windows of at most 16 MiB: the "large window" variant is refused.

use ::brotli::reader::StandardAlloc;
use ::brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::{Broken, Step};

pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    done: bool,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Brotli {
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            done: false,
        }
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Broken> {
        if self.done {
            return if input.is_empty() {
                Ok(Step {
                    read: 0,
                    written: 0,
                })
            } else {
                Err(Broken::Trailing)
            };
        }
        let (mut read, mut written, mut total) = (0, 0, 0);
        let (mut input_left, mut output_left) = (input.len(), output.len());
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut read,
            input,
            &mut output_left,
            &mut written,
            output,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultSuccess => self.done = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(Broken::Malformed),
        }
        Ok(Step { read, written })
    }

    pub(super) fn complete(&self) -> bool {
        self.done
    }
}
