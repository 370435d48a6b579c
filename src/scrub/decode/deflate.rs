//! deflate: in a zlib wrapper as the standard says, or raw as some clients send it.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Broken, Step};

/// One step of zlib's inflate, and whether its stream has ended with it.
pub(super) fn inflate(
    state: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Step, bool), Broken> {
    let (read, written) = (state.total_in(), state.total_out());
    let status = state
        .decompress(input, output, FlushDecompress::None)
        .map_err(|_| Broken::Malformed)?;
    let step = Step {
        read: (state.total_in() - read) as usize,
        written: (state.total_out() - written) as usize,
    };
    match status {
        Status::Ok | Status::BufError => Ok((step, false)),
        Status::StreamEnd => Ok((step, true)),
    }
}

/// Which of the two it is shows in the first two bytes, so they are kept until both are there.
pub(super) enum Deflate {
    Sniffing {
        first: Option<u8>,
    },
    /// `first` and `second` have been read from the input but not yet by zlib.
    Opening {
        head: [u8; 2],
        state: Decompress,
    },
    Inside(Decompress),
    Done,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Deflate::Sniffing { first: None }
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Broken> {
        match self {
            Deflate::Sniffing { first } => {
                let Some(&byte) = input.first() else {
                    return Ok(Step {
                        read: 0,
                        written: 0,
                    });
                };
                match *first {
                    None => *first = Some(byte),
                    Some(first) => {
                        let head = [first, byte];
                        *self = Deflate::Opening {
                            head,
                            state: Decompress::new(is_zlib(head)),
                        };
                        // The two bytes can be a whole stream, so they are read at once, whatever comes next.
                        let step = self.decode(&input[1..], output)?;
                        return Ok(Step {
                            read: step.read + 1,
                            written: step.written,
                        });
                    }
                }
                Ok(Step {
                    read: 1,
                    written: 0,
                })
            }
            Deflate::Opening { head, state } => {
                // Two bytes hold at most a byte of text (a raw stream's, in fixed codes), so zlib takes both at once.
                let (step, ended) = inflate(state, head, output)?;
                if step.read != head.len() {
                    return Err(if ended {
                        Broken::Trailing
                    } else {
                        Broken::Malformed
                    });
                }
                let fresh = Decompress::new(false);
                *self = if ended {
                    Deflate::Done
                } else {
                    Deflate::Inside(std::mem::replace(state, fresh))
                };
                let opened = step.written;
                let step = self.decode(input, &mut output[opened..])?;
                Ok(Step {
                    read: step.read,
                    written: opened + step.written,
                })
            }
            Deflate::Inside(state) => {
                let (step, ended) = inflate(state, input, output)?;
                if ended {
                    *self = Deflate::Done;
                }
                Ok(step)
            }
            Deflate::Done if input.is_empty() => Ok(Step {
                read: 0,
                written: 0,
            }),
            Deflate::Done => Err(Broken::Trailing),
        }
    }

    pub(super) fn complete(&self) -> bool {
        match self {
            Deflate::Done => true,
            Deflate::Sniffing { .. } | Deflate::Opening { .. } | Deflate::Inside(_) => false,
        }
    }
}

/// A zlib header: method 8, a window of at most 32 KiB, and a check that makes it a multiple of 31. No encoder begins
/// raw deflate like this: it would be a stored block with padding that is not zero.
fn is_zlib([cmf, flg]: [u8; 2]) -> bool {
    cmf & 0x0f == 8 && cmf >> 4 <= 7 && u16::from_be_bytes([cmf, flg]) % 31 == 0
}
