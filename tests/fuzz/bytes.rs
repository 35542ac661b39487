//! What can be done to any bytes: bits turned, pieces cut out, doubled, overwritten, spliced.

use super::random::Random;

/// Bytes that formats care about.
const SIGNS: &[u8] =
    b"\0\t\n\r \"'\\,:;|{}[]=#-+.eE019\x7f\x80\xbf\xc0\xc1\xc7\xd9\xdd\xdf\xed\xef\xff";

/// Pieces that some reader trips over.
const PIECES: &[&[u8]] = &[
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\r\n",
    b"\n\n",
    b"null",
    b"None",
    b"true",
    b"[[[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"]]]]",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"1e999",
    b"-0",
    b"9223372036854775808",
    b"18446744073709551616",
    b"0.1",
    "\u{202e}".as_bytes(),
    "\u{200b}".as_bytes(),
    "ä".as_bytes(),
    b"\xed\xa0\x80",
    b"\xf5\x80\x80\x80",
    b"\xdf\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x01",
    b"\"\"\"",
    b"'''",
];

/// Changes `bytes` in one to four places; a piece of `other` may go into it.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let length = match random.below(4) {
            0 => random.below(bytes.len() - at + 1),
            _ => random.below(9).min(bytes.len() - at),
        };
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 if at < bytes.len() => bytes[at] = *random.one_of(SIGNS),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => drop(bytes.splice(at..at, random.one_of(PIECES).iter().copied())),
            6 => drop(bytes.splice(at..at + length, random.one_of(PIECES).iter().copied())),
            7 if !other.is_empty() => {
                let from = random.below(other.len());
                let to = from + random.below(other.len() - from) + 1;
                bytes.splice(at..at + length, other[from..to].iter().copied());
            }
            _ => bytes.insert(at, *random.one_of(SIGNS)),
        }
    }
}
