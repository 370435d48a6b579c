//! `multipart/form-data` as a stream (RFC 7578, in the frame of RFC 2046, section 5.1): heads, and pieces of parts.
//!
//! ```text
//!  --B\r\n  head lines \r\n\r\n  bytes of the part  \r\n--B\r\n  head lines ...  bytes  \r\n--B--
//! ```
//!
//! It is read strictly, because collectors read it loosely: no text before the first boundary, `\r\n` at every line's end, one
//! disposition with a name, no encoding of a part's bytes. What it reads is written anew, never passed on.
//!
//! | state | on | to |
//! | --- | --- | --- |
//! | `Start` | `--B` | `Boundary` |
//! | `Boundary` | `\r\n` | `Head` |
//! | `Boundary` | `--` | `Behind` |
//! | `Head` | an empty line | `Body` |
//! | `Body` | `\r\n--B` | `Boundary` |

use bytes::Bytes;

use super::outcome::Reason;

/// What is wrong, and at which byte of the body.
pub(super) type Failure = (Reason, u64);

/// What stands between parts, as a `Content-Type` says it: 1 to 70 letters, digits and signs (RFC 2046).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary(String);

impl Boundary {
    /// Reads it from `multipart/form-data; boundary=…`. `None` if it is no such content type, or the boundary does not have its shape.
    pub fn of(content_type: &str) -> Option<Boundary> {
        let (media, parameters) = content_type.split_once(';')?;
        if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let mut found = None;
        for parameter in parameters.split(';') {
            let (name, value) = parameter.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("boundary") {
                continue;
            }
            let value = value.trim();
            let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            let value = quoted.unwrap_or(value);
            let fits = (1..=70).contains(&value.len())
                && value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b));
            if !fits || found.is_some() {
                return None;
            }
            found = Some(Boundary(value.to_owned()));
        }
        found
    }

    /// It, without its dashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The content type that says it.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary=\"{}\"", self.0)
    }
}

/// The head of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartHead {
    pub(super) name: String,
    /// It is a file.
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
}

/// What has been read.
#[derive(Debug)]
pub(super) enum Piece {
    Head(PartHead),
    Bytes(Bytes),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Boundary,
    Head,
    Body,
    Behind,
}

/// A body in progress.
#[derive(Debug)]
pub(super) struct Multipart {
    /// `\r\n--B`
    delimiter: Vec<u8>,
    head_bytes: usize,
    state: State,
    /// Bytes that are not understood yet: a head in progress, or what may be the beginning of a delimiter.
    held: Bytes,
    /// Offset of the first of them.
    at: u64,
}

impl Multipart {
    /// `head_bytes`: the most that the head of a part may have.
    pub(super) fn new(boundary: &Boundary, head_bytes: usize) -> Self {
        Multipart {
            delimiter: format!("\r\n--{}", boundary.0).into_bytes(),
            head_bytes,
            state: State::Start,
            held: Bytes::new(),
            at: 0,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held.len() + self.delimiter.capacity()
    }

    /// Reads the next chunk; what it comes to is told in order, with its offset.
    pub(super) fn push(
        &mut self,
        chunk: Bytes,
        tell: &mut impl FnMut(Piece, u64) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut input = match self.held.is_empty() {
            true => chunk,
            false => Bytes::from([self.held.as_ref(), chunk.as_ref()].concat()),
        };
        loop {
            let used = match self.state {
                State::Start => self.start(&input)?,
                State::Boundary => self.boundary(&input)?,
                State::Head => self.head(&input, tell)?,
                State::Body => self.body(&input, tell)?,
                State::Behind => self.behind(&input)?,
            };
            let _ = input.split_to(used);
            self.at += used as u64;
            if used == 0 {
                break;
            }
        }
        // Copied, so that a few bytes don't keep a chunk.
        self.held = Bytes::from(input.to_vec());
        Ok(())
    }

    /// The input has ended.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        match self.state {
            State::Behind => Ok(()),
            State::Start | State::Boundary | State::Head | State::Body => {
                Err((Reason::CutOff, self.at + self.held.len() as u64))
            }
        }
    }

    // Each reads what it can and tells how many bytes that were; none: it needs more.

    fn start(&mut self, input: &[u8]) -> Result<usize, Failure> {
        let boundary = &self.delimiter[2..];
        let some = input.len().min(boundary.len());
        if input[..some] != boundary[..some] {
            let reason = Reason::Framing("no multipart body with the boundary of its content type");
            return Err((reason, self.at));
        }
        if some < boundary.len() {
            return Ok(0);
        }
        self.state = State::Boundary;
        Ok(some)
    }

    fn boundary(&mut self, input: &[u8]) -> Result<usize, Failure> {
        match input {
            [b'\r', b'\n', ..] => self.state = State::Head,
            [b'-', b'-', ..] => self.state = State::Behind,
            [] | [b'\r' | b'-'] => return Ok(0),
            _ => {
                return Err((
                    Reason::Framing("something stands behind a boundary"),
                    self.at,
                ));
            }
        }
        Ok(2)
    }

    /// Nothing but the end of the last line comes behind the last boundary.
    fn behind(&mut self, input: &[u8]) -> Result<usize, Failure> {
        match input.iter().position(|byte| !matches!(byte, b'\r' | b'\n')) {
            Some(at) => {
                let reason = Reason::Framing("something stands behind the last boundary");
                Err((reason, self.at + at as u64))
            }
            None => Ok(input.len()),
        }
    }

    fn head(
        &mut self,
        input: &[u8],
        tell: &mut impl FnMut(Piece, u64) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        let end = memchr::memmem::find(input, b"\r\n\r\n");
        if end.unwrap_or(input.len()) > self.head_bytes {
            let reason = Reason::TooLarge {
                what: "the head of a part",
                key: "limits.header_bytes",
                limit: self.head_bytes as u64,
            };
            return Err((reason, self.at));
        }
        let Some(end) = end else { return Ok(0) };
        let head = head(&input[..end]).map_err(|what| (Reason::Framing(what), self.at))?;
        tell(Piece::Head(head), self.at)?;
        self.state = State::Body;
        Ok(end + 4)
    }

    fn body(
        &mut self,
        input: &Bytes,
        tell: &mut impl FnMut(Piece, u64) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        if let Some(end) = memchr::memmem::find(input, &self.delimiter) {
            if end > 0 {
                tell(Piece::Bytes(input.slice(..end)), self.at)?;
            }
            tell(Piece::End, self.at + end as u64)?;
            self.state = State::Boundary;
            return Ok(end + self.delimiter.len());
        }
        // The last bytes may be the beginning of a delimiter.
        let longest = input.len().min(self.delimiter.len() - 1);
        let kept = (1..=longest)
            .rev()
            .find(|kept| input.ends_with(&self.delimiter[..*kept]))
            .unwrap_or(0);
        let free = input.len() - kept;
        if free > 0 {
            tell(Piece::Bytes(input.slice(..free)), self.at)?;
        }
        Ok(free)
    }
}

/// Reads the lines of a part's head.
fn head(lines: &[u8]) -> Result<PartHead, &'static str> {
    let text = std::str::from_utf8(lines).map_err(|_| "the head of a part is not valid UTF-8")?;
    if text
        .bytes()
        .any(|b| b < 0x20 && !matches!(b, b'\r' | b'\n' | b'\t') || b == 0x7F)
    {
        return Err("a control character in the head of a part");
    }
    let (mut disposition, mut content_type, mut encoding) = (None, None, None);
    for line in text.split("\r\n") {
        if line.contains(['\r', '\n']) {
            return Err("a line of a part's head that does not end in \\r\\n");
        }
        let (name, value) = line
            .split_once(':')
            .filter(|(name, _)| !name.is_empty() && !name.starts_with([' ', '\t']))
            .ok_or("a line of a part's head that is no header")?;
        let slot = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut content_type,
            "content-transfer-encoding" => &mut encoding,
            _ => continue,
        };
        if slot.replace(value.trim()).is_some() {
            return Err("a header of a part stands twice");
        }
    }
    if encoding.is_some_and(|it| !["binary", "8bit", "7bit"].contains(&&*it.to_ascii_lowercase())) {
        return Err("a part with a transfer encoding");
    }
    let disposition = disposition.ok_or("a part without a disposition")?;
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err("a part that is no form-data");
    }
    let (mut name, mut filename) = (None, None);
    let mut rest = parameters.trim();
    while !rest.is_empty() {
        let (parameter, behind) = rest
            .split_once("=\"")
            .ok_or("a disposition with a parameter that is not quoted")?;
        let (value, behind) = quoted(behind)?;
        rest = behind.trim_start();
        rest = match rest.strip_prefix(';') {
            Some(behind) => behind.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err("a disposition with something behind a parameter"),
        };
        let slot = match parameter.trim().to_ascii_lowercase().as_str() {
            "name" => &mut name,
            "filename" => &mut filename,
            _ => return Err("a disposition with a parameter other than name and filename"),
        };
        if slot.replace(value).is_some() {
            return Err("a parameter of a disposition stands twice");
        }
    }
    Ok(PartHead {
        name: name.ok_or("a part without a name")?,
        filename,
        content_type: content_type.map(str::to_owned),
    })
}

/// The inside of a quoted string, up to its quote, and what follows. A backslash escapes a quote or a backslash; elsewhere it stands for
/// itself, as browsers and `C:\path` have it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.peek() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    value.push(*escaped);
                    characters.next();
                }
                Some(_) | None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    Err("a quoted parameter that does not end")
}

/// Writes the head of a part, from its boundary to the empty line.
pub(super) fn put_head(out: &mut Vec<u8>, boundary: &Boundary, head: &PartHead) {
    let quoted = |text: &str| {
        // As browsers write it (HTML standard, multipart/form-data encoding algorithm); and no backslash, which readers take for
        // itself or for an escape.
        text.replace('"', "%22")
            .replace('\\', "%5C")
            .replace('\n', "%0A")
            .replace('\r', "%0D")
    };
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary.0.as_bytes());
    out.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
    out.extend_from_slice(quoted(&head.name).as_bytes());
    out.push(b'"');
    if let Some(filename) = &head.filename {
        out.extend_from_slice(b"; filename=\"");
        out.extend_from_slice(quoted(filename).as_bytes());
        out.push(b'"');
    }
    if let Some(content_type) = &head.content_type {
        out.extend_from_slice(b"\r\nContent-Type: ");
        out.extend_from_slice(content_type.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
}
