//! Content encodings: every codec gives back what went in, however it is cut, and nothing broken gets through.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

use std::io::Write;

use bytes::Bytes;
use scrubline::scrub::Limits;
use scrubline::scrub::decode::{DecodeError, Decoder, Encoding};

/// A name, what the header says, and how it is done.
type Case = (&'static str, Encoding, fn(&[u8]) -> Vec<u8>);

/// Every way to encode a body that we read, by name.
fn encodings() -> Vec<Case> {
    vec![
        ("identity", Encoding::Identity, |plain| plain.to_vec()),
        ("gzip", Encoding::Gzip, gzip),
        ("gzip of two members", Encoding::Gzip, |plain| {
            let (a, b) = plain.split_at(plain.len() / 3);
            [gzip(a), gzip(b)].concat()
        }),
        ("zlib", Encoding::Deflate, |plain| {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }),
        ("raw deflate", Encoding::Deflate, |plain| {
            let mut encoder =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }),
        ("brotli", Encoding::Brotli, |plain| brotli(plain, 22, false)),
        ("zstd", Encoding::Zstd, |plain| {
            zstd::encode_all(plain, 3).unwrap()
        }),
        ("zstd of two frames", Encoding::Zstd, |plain| {
            let (a, b) = plain.split_at(plain.len() / 2);
            [
                zstd::encode_all(a, 3).unwrap(),
                zstd::encode_all(b, 3).unwrap(),
            ]
            .concat()
        }),
    ]
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8], lgwin: i32, large_window: bool) -> Vec<u8> {
    let params = ::brotli::enc::BrotliEncoderParams {
        lgwin,
        large_window,
        quality: 4,
        ..Default::default()
    };
    let mut out = Vec::new();
    ::brotli::BrotliCompress(&mut &plain[..], &mut out, &params).unwrap();
    out
}

fn decode(encoding: Encoding, limits: &Limits, chunks: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(encoding, limits)?;
    let mut plain = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(piece) = decoder.next()? {
            assert!(!piece.is_empty(), "an empty piece means nothing");
            assert!(
                encoding == Encoding::Identity || piece.len() <= 32 << 10,
                "a piece of {}",
                piece.len()
            );
            plain.extend_from_slice(&piece);
        }
    }
    decoder.end()?;
    Ok(plain)
}

/// Text that compresses, but not to nothing.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            b"{}\":,abcdefgh 0123\n"[(state >> 16) as usize % 19]
        })
        .collect()
}

/// The first two bytes of a short raw stream, by which it is told from zlib, hold a byte of text already.
#[test]
fn short_bodies_lose_nothing() {
    for len in 0..40 {
        let plain = sample(len);
        for (name, encoding, encode) in encodings() {
            let body = encode(&plain);
            let bytes: Vec<&[u8]> = body.chunks(1).collect();
            for chunks in [&[body.as_slice()][..], &bytes] {
                let decoded = decode(encoding, &Limits::default(), chunks).unwrap();
                assert_eq!(decoded, plain, "{name} of {len} bytes");
            }
        }
    }
}

#[test]
fn any_cut_gives_the_same() {
    let plain = sample(600);
    for (name, encoding, encode) in encodings() {
        let body = encode(&plain);
        for at in 0..=body.len() {
            let (a, b) = body.split_at(at);
            assert_eq!(
                decode(encoding, &Limits::default(), &[a, b]).unwrap(),
                plain,
                "{name} cut at {at}"
            );
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(
            decode(encoding, &Limits::default(), &bytes).unwrap(),
            plain,
            "{name} byte by byte"
        );
    }
}

#[test]
fn large_bodies_come_in_small_pieces() {
    let plain = sample(3 << 20);
    for (name, encoding, encode) in encodings() {
        let body = encode(&plain);
        assert!(
            decode(encoding, &Limits::default(), &[&body]).unwrap() == plain,
            "{name}"
        );
    }
}

#[test]
fn a_stream_cut_off_anywhere_is_an_error() {
    let plain = sample(400);
    for (name, encoding, encode) in encodings() {
        let body = encode(&plain);
        for at in 0..body.len() {
            match (name, decode(encoding, &Limits::default(), &[&body[..at]])) {
                ("identity", result) => assert_eq!(result.unwrap(), plain[..at]),
                // At the border between members or frames the body may end.
                (_, Ok(part)) => assert!(
                    name.contains("two") && plain.starts_with(&part),
                    "{name} cut at {at}"
                ),
                (_, Err(error)) => {
                    assert_eq!(error, DecodeError::CutOff(encoding, at as u64), "{name}")
                }
            }
        }
    }
}

#[test]
fn what_follows_the_end_is_an_error() {
    for (name, encoding, encode) in encodings() {
        if encoding == Encoding::Identity {
            continue;
        }
        let mut body = encode(b"{\"a\":1}");
        body.extend_from_slice(b"{\"b\":2}");
        let error = decode(encoding, &Limits::default(), &[&body]).unwrap_err();
        assert!(
            matches!(
                error,
                DecodeError::Trailing(..) | DecodeError::Malformed(..)
            ),
            "{name}: {error}"
        );
    }
}

#[test]
fn garbage_is_an_error() {
    for (name, encoding, _) in encodings() {
        if encoding == Encoding::Identity {
            continue;
        }
        let error = decode(encoding, &Limits::default(), &[b"\x07not encoded at all"]).unwrap_err();
        assert!(
            matches!(error, DecodeError::Malformed(..)),
            "{name}: {error}"
        );
    }
}

#[test]
fn damage_is_found_by_the_checksum() {
    let mut body = gzip(&sample(100));
    let crc = body.len() - 8;
    body[crc] ^= 1;
    assert!(decode(Encoding::Gzip, &Limits::default(), &[&body]).is_err());
}

#[test]
fn the_size_limit_is_exact() {
    let plain = sample(100_000);
    for (name, encoding, encode) in encodings() {
        let body = encode(&plain);
        for (limit, fits) in [(99_999, false), (100_000, true), (100_001, true)] {
            let limits = Limits {
                decoded_bytes: limit,
                ..Limits::default()
            };
            match decode(encoding, &limits, &[&body]) {
                Ok(_) => assert!(fits, "{name} passes at {limit}"),
                Err(error) => {
                    assert_eq!(
                        (error, fits),
                        (DecodeError::TooLarge(limit), false),
                        "{name} at {limit}"
                    );
                }
            }
        }
    }
}

#[test]
fn bombs_stop_at_the_ratio() {
    let bomb = vec![b' '; 40 << 20];
    let limits = Limits {
        decode_ratio: 100,
        ..Limits::default()
    };
    for (name, encoding, encode) in encodings() {
        if encoding == Encoding::Identity {
            continue;
        }
        let result = decode(encoding, &limits, &[&encode(&bomb)]);
        assert_eq!(
            result.map(|plain| plain.len()),
            Err(DecodeError::Ratio(100)),
            "{name}"
        );
        // The same repetition is no bomb while it is small.
        assert!(
            decode(encoding, &limits, &[&encode(&bomb[..1 << 20])]).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn windows_larger_than_we_grant_are_refused() {
    let plain = sample(12 << 20);
    let zstd_with = |window_log| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap()
    };
    assert!(decode(Encoding::Zstd, &Limits::default(), &[&zstd_with(23)]).is_ok());
    assert!(decode(Encoding::Zstd, &Limits::default(), &[&zstd_with(24)]).is_err());

    let small = sample(1000);
    assert!(
        decode(
            Encoding::Brotli,
            &Limits::default(),
            &[&brotli(&small, 24, false)]
        )
        .is_ok()
    );
    assert!(
        decode(
            Encoding::Brotli,
            &Limits::default(),
            &[&brotli(&small, 26, true)]
        )
        .is_err()
    );
}

#[test]
fn header_values() {
    for (value, encoding) in [
        ("", Some(Encoding::Identity)),
        ("utf-8", Some(Encoding::Identity)),
        ("UTF-8", Some(Encoding::Identity)),
        ("identity", Some(Encoding::Identity)),
        ("gzip", Some(Encoding::Gzip)),
        ("x-gzip", Some(Encoding::Gzip)),
        (" GZip ", Some(Encoding::Gzip)),
        ("deflate", Some(Encoding::Deflate)),
        ("br", Some(Encoding::Brotli)),
        ("zstd", Some(Encoding::Zstd)),
        ("gzip, gzip", None),
        ("gzip,", None),
        ("compress", None),
        ("*", None),
        ("base64", None),
    ] {
        assert_eq!(Encoding::parse(value), encoding, "{value:?}");
    }
}

#[test]
fn identity_is_not_copied() {
    let chunk = Bytes::from(vec![b'x'; 100]);
    let mut decoder = Decoder::new(Encoding::Identity, &Limits::default()).unwrap();
    decoder.push(chunk.clone());
    assert_eq!(decoder.next().unwrap().unwrap().as_ptr(), chunk.as_ptr());
    assert!(decoder.next().unwrap().is_none());
}

#[test]
fn errors_say_what_and_where() {
    let body = gzip(b"{\"message\":\"hunter2\"}");
    let error = decode(Encoding::Gzip, &Limits::default(), &[&body[..15]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the gzip body ends too early, at byte 15 of its encoded form"
    );
}
