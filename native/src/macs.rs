//! HMAC-SHA-256 of sessions: keys under numbers, one MAC at a time in a Buffer, and many in bound
//! memory in one call, by twos. Also plain SHA-256, and the derivation of keys.

use std::cell::RefCell;

use mesh_gateway_kernels_pure::{
    mac::{Claim, HKDF_BYTES_MAX, MacKey, hkdf as derive, sha256 as digest_of},
    table::Table,
};
use napi::Env;
use napi_derive::napi;
use zeroize::Zeroize;

use crate::{
    bytes::Bytes,
    memory::with_memories,
    outcome::{BROKEN, OUT_OF_RANGE},
};

thread_local! {
    static KEYS: RefCell<Table<MacKey>> = const { RefCell::new(Table::new()) };
}

/// Bytes of one entry of a batch: six little-endian words `key, memory, offset, length, macOffset,
/// result`, of which the last is written.
const ENTRY_BYTES: usize = 24;

/// Where in an entry its result is.
const ANSWER_AT: i64 = 20;

/// Prepares a key of any length and names it by a number until `releaseMacKey`.
#[napi(js_name = "prepareMacKey", catch_unwind)]
pub fn prepare_mac_key(key: Bytes) -> u32 {
    let key = MacKey::new(key.read_all());
    KEYS.with_borrow_mut(|keys| keys.insert(key))
}

/// Wipes the key under `index`; false when there is none.
#[napi(js_name = "releaseMacKey", catch_unwind)]
pub fn release_mac_key(index: u32) -> bool {
    KEYS.with_borrow_mut(|keys| keys.remove(index)).is_some()
}

/// Whether the 32 bytes at `mac_offset` are the MAC of the `length` bytes at `offset`. False when
/// something is out of range, too.
#[napi(js_name = "verifyMac", catch_unwind)]
pub fn verify_mac(key: u32, bytes: Bytes, offset: i64, length: i64, mac_offset: i64) -> bool {
    let place = Place {
        offset,
        length,
        mac_offset,
    };
    KEYS.with_borrow(|keys| place.claim(keys, key, &bytes).is_some_and(Claim::is_good))
}

/// Verifies the first `count` entries of `batch` (see [`ENTRY_BYTES`]) and writes 1 or 0 into each.
/// Returns the number of good ones, or `OUT_OF_RANGE` when `batch` has fewer entries.
#[napi(js_name = "verifyMacs", catch_unwind)]
pub fn verify_macs(env: Env, batch: Bytes, count: i64) -> i64 {
    let Some(length) = count.checked_mul(ENTRY_BYTES as i64) else {
        return OUT_OF_RANGE;
    };
    if batch.read(0, length).is_none() {
        return OUT_OF_RANGE;
    }
    with_memories(&env, |bytes_of| {
        KEYS.with_borrow(|keys| {
            let mut good = 0;
            for at in (0..length).step_by(2 * ENTRY_BYTES) {
                // By twos, the last one of an odd number alone.
                let places = [at, at + ENTRY_BYTES as i64];
                let entries = places.map(|at| {
                    let entry = (at < length).then(|| Entry::read(&batch, at))??;
                    Some((entry, bytes_of(entry.memory)))
                });
                let answers = answers(keys, &entries);
                for ((at, entry), is_good) in places.into_iter().zip(entries).zip(answers) {
                    if entry.is_some() {
                        batch.write(at + ANSWER_AT, &u32::from(is_good).to_le_bytes());
                    }
                }
                good += answers.map(i64::from).iter().sum::<i64>();
            }
            good
        })
    })
}

/// Writes the MAC of the `length` bytes at `offset` to `target_offset`. Returns 32, `BROKEN` for an
/// unknown key, or `OUT_OF_RANGE`.
#[napi(js_name = "signMac", catch_unwind)]
pub fn sign_mac(
    key: u32,
    bytes: Bytes,
    offset: i64,
    length: i64,
    target: Bytes,
    target_offset: i64,
) -> i64 {
    let Some(message) = bytes.read(offset, length) else {
        return OUT_OF_RANGE;
    };
    let mac = KEYS.with_borrow(|keys| keys.get(key).map(|key| key.mac(message)));
    mac.map_or(BROKEN, |mac| put(&mac, &target, target_offset))
}

/// Writes the SHA-256 of the `length` bytes at `offset` to `target_offset`. Returns 32 or
/// `OUT_OF_RANGE`.
#[napi(catch_unwind)]
pub fn sha256(bytes: Bytes, offset: i64, length: i64, target: Bytes, target_offset: i64) -> i64 {
    let digest = bytes.read(offset, length).map(digest_of);
    digest.map_or(OUT_OF_RANGE, |digest| put(&digest, &target, target_offset))
}

/// Fills all of `target` with HKDF-SHA-256 of `secret`. Returns its length, or `OUT_OF_RANGE` when
/// it is longer than 255 digests.
#[napi(catch_unwind)]
pub fn hkdf(secret: Bytes, salt: Bytes, info: Bytes, target: Bytes) -> i64 {
    let [secret, salt, info] = [&secret, &salt, &info].map(Bytes::read_all);
    let mut key = vec![0; target.length().min(HKDF_BYTES_MAX + 1)];
    let is_written = derive(secret, salt, info, &mut key) && target.write(0, &key);
    key.zeroize();
    if is_written {
        key.len() as i64
    } else {
        OUT_OF_RANGE
    }
}

fn put(digest: &[u8], target: &Bytes, target_offset: i64) -> i64 {
    if target.write(target_offset, digest) {
        digest.len() as i64
    } else {
        OUT_OF_RANGE
    }
}

/// An entry of a batch without its answer.
#[derive(Clone, Copy)]
struct Entry {
    key: u32,
    memory: u32,
    place: Place,
}

impl Entry {
    /// Copied, because the entries may lie in a memory that they speak of.
    #[inline]
    fn read(batch: &Bytes, at: i64) -> Option<Self> {
        let &entry = batch.read_array::<ENTRY_BYTES>(at)?;
        let word = |index: usize| u32::from_le_bytes(entry.as_chunks::<4>().0[index]);
        let [offset, length, mac_offset] = [word(2), word(3), word(4)].map(i64::from);
        Some(Self {
            key: word(0),
            memory: word(1),
            place: Place {
                offset,
                length,
                mac_offset,
            },
        })
    }
}

/// Where a message and its MAC are in a memory.
#[derive(Clone, Copy)]
struct Place {
    offset: i64,
    length: i64,
    mac_offset: i64,
}

impl Place {
    /// What is claimed by the bytes there; `None` for an unknown key or when it is out of range.
    #[inline]
    fn claim<'a>(self, keys: &'a Table<MacKey>, key: u32, bytes: &'a Bytes) -> Option<Claim<'a>> {
        Some(Claim {
            key: keys.get(key)?,
            message: bytes.read(self.offset, self.length)?,
            mac: bytes.read_array(self.mac_offset)?,
        })
    }
}

/// Whether each of two entries, with the memory it speaks of, is good; `None` is not. One that is
/// out of range leaves the other to be computed alone.
#[inline]
fn answers(keys: &Table<MacKey>, entries: &[Option<(Entry, Bytes)>; 2]) -> [bool; 2] {
    let claims = entries.each_ref().map(|entry| {
        let (entry, bytes) = entry.as_ref()?;
        entry.place.claim(keys, entry.key, bytes)
    });
    match claims {
        [Some(first), Some(second)] => Claim::are_good([first, second]),
        alone => alone.map(|claim| claim.is_some_and(Claim::is_good)),
    }
}
