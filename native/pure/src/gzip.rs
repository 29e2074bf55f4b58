//! gzip files (RFC 1952) with bounded output, by the rules of `zlib.gunzipSync`: members in a row
//! are one text, and a zero byte after a member ends the file. Invariant: never more than the
//! target holds is produced, whatever the file says about its size.

use flate2::{Decompress, FlushDecompress, Status};

/// Why a file was not inflated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GunzipProblem {
    /// It is not a complete gzip file.
    Broken,
    /// The target is full and there is more to come.
    TargetFull,
}

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const METHOD_DEFLATE: u8 = 8;

/// Bytes of the fixed part of a header; FLG is the fourth of them.
const HEADER_BYTES: usize = 10;
/// CRC-32 and size of the plain text.
const TRAILER_BYTES: usize = 8;

const FLAG_HEADER_CRC: u8 = 0x02;
const FLAG_EXTRA: u8 = 0x04;
const FLAG_NAME: u8 = 0x08;
const FLAG_COMMENT: u8 = 0x10;
const FLAGS_RESERVED: u8 = 0xe0;

/// Inflates gzip files with memory that is allocated once.
pub struct Gunzip {
    inflater: Decompress,
}

impl Gunzip {
    pub fn new() -> Self {
        Self {
            inflater: Decompress::new(false),
        }
    }

    /// Inflates `file` into the beginning of `target`.
    ///
    /// Returns the number of bytes written. After a problem the content of `target` is undefined.
    pub fn inflate(&mut self, file: &[u8], target: &mut [u8]) -> Result<usize, GunzipProblem> {
        let mut at = 0;
        let mut written = 0;
        loop {
            let (consumed, produced) = self.member(&file[at..], &mut target[written..])?;
            at += consumed;
            written += produced;
            if file.get(at).is_none_or(|&byte| byte == 0) {
                return Ok(written);
            }
        }
    }

    /// Inflates one member; returns the bytes consumed and produced.
    fn member(&mut self, file: &[u8], target: &mut [u8]) -> Result<(usize, usize), GunzipProblem> {
        let header = header_bytes(file).ok_or(GunzipProblem::Broken)?;
        self.inflater.reset(false);
        let body = &file[header..];
        let status = self
            .inflater
            .decompress(body, target, FlushDecompress::Finish)
            .map_err(|_| GunzipProblem::Broken)?;
        let consumed = usize_of(self.inflater.total_in());
        let produced = usize_of(self.inflater.total_out());
        if status != Status::StreamEnd {
            let is_full = produced == target.len();
            return Err(if is_full {
                GunzipProblem::TargetFull
            } else {
                GunzipProblem::Broken
            });
        }
        let trailer = body[consumed..]
            .first_chunk::<TRAILER_BYTES>()
            .ok_or(GunzipProblem::Broken)?;
        let plain = &target[..produced];
        let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
        let is_sound = u32::from_le_bytes([c0, c1, c2, c3]) == crc32fast::hash(plain)
            // The size is stated modulo 2^32.
            && u32::from_le_bytes([s0, s1, s2, s3]) == produced as u32;
        if !is_sound {
            return Err(GunzipProblem::Broken);
        }
        Ok((header + consumed + TRAILER_BYTES, produced))
    }
}

impl Default for Gunzip {
    fn default() -> Self {
        Self::new()
    }
}

/// Counters of the inflater count bytes of slices, so they fit.
fn usize_of(count: u64) -> usize {
    usize::try_from(count).expect("bytes of a slice")
}

/// Length of the header that `file` begins with, or `None` when it is broken or incomplete.
fn header_bytes(file: &[u8]) -> Option<usize> {
    let fixed = file.first_chunk::<HEADER_BYTES>()?;
    let flags = fixed[3];
    if fixed[..2] != MAGIC || fixed[2] != METHOD_DEFLATE || flags & FLAGS_RESERVED != 0 {
        return None;
    }
    let mut at = HEADER_BYTES;
    if flags & FLAG_EXTRA != 0 {
        let size = u16::from_le_bytes(*file.get(at..)?.first_chunk()?);
        at += 2 + usize::from(size);
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            at += 1 + file.get(at..)?.iter().position(|&byte| byte == 0)?;
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        let stated = u16::from_le_bytes(*file.get(at..)?.first_chunk()?);
        if stated != (crc32fast::hash(&file[..at]) & 0xffff) as u16 {
            return None;
        }
        at += 2;
    }
    (at <= file.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::{Gunzip, GunzipProblem};

    /// "hello" in one stored block.
    fn member(flags: u8, extra: &[u8]) -> Vec<u8> {
        let mut file = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
        file.extend_from_slice(extra);
        file.extend_from_slice(&[1, 5, 0, 0xfa, 0xff]);
        file.extend_from_slice(b"hello");
        file.extend_from_slice(&crc32fast::hash(b"hello").to_le_bytes());
        file.extend_from_slice(&5_u32.to_le_bytes());
        file
    }

    fn inflate(file: &[u8], room: usize) -> Result<Vec<u8>, GunzipProblem> {
        let mut target = vec![0; room];
        let written = Gunzip::new().inflate(file, &mut target)?;
        target.truncate(written);
        Ok(target)
    }

    #[test]
    fn every_part_of_a_header_is_read() {
        assert_eq!(inflate(&member(0, b""), 9).unwrap(), b"hello");
        assert_eq!(inflate(&member(4, b"\x03\0abc"), 9).unwrap(), b"hello");
        assert_eq!(inflate(&member(8, b"name\0"), 9).unwrap(), b"hello");
        assert_eq!(
            inflate(&member(24, b"name\0comment\0"), 9).unwrap(),
            b"hello"
        );
        let mut head = vec![0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 255];
        let crc = crc32fast::hash(&head) as u16;
        assert_eq!(
            inflate(&member(2, &crc.to_le_bytes()), 9).unwrap(),
            b"hello"
        );
        head[9] = 3;
        let crc = crc32fast::hash(&head) as u16;
        let refused = inflate(&member(2, &crc.to_le_bytes()), 9);
        assert_eq!(refused, Err(GunzipProblem::Broken));
    }

    #[test]
    fn members_in_a_row_are_one_text_and_a_zero_byte_ends_it() {
        let mut file = [member(0, b""), member(8, b"x\0")].concat();
        assert_eq!(inflate(&file, 10).unwrap(), b"hellohello");
        assert_eq!(inflate(&file, 9), Err(GunzipProblem::TargetFull));
        file.extend_from_slice(&[0, 1, 2]);
        assert_eq!(inflate(&file, 10).unwrap(), b"hellohello");
        file[member(0, b"").len()] = 0x1e;
        assert_eq!(inflate(&file, 10), Err(GunzipProblem::Broken));
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_survived() {
        let file = member(24, b"name\0comment\0");
        for end in 0..file.len() {
            assert_eq!(
                inflate(&file[..end], 9),
                Err(GunzipProblem::Broken),
                "{end}"
            );
        }
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 0x41;
            if let Ok(text) = inflate(&changed, 9) {
                assert_eq!(text, b"hello", "{at}");
            }
        }
    }

    #[test]
    fn output_is_bounded_by_the_target() {
        assert_eq!(inflate(&member(0, b""), 5).unwrap(), b"hello");
        assert_eq!(inflate(&member(0, b""), 4), Err(GunzipProblem::TargetFull));
        assert_eq!(inflate(&member(0, b""), 0), Err(GunzipProblem::TargetFull));
    }
}
