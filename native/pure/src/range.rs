//! Offsets and lengths as JavaScript passes them, checked against the memory they speak of.

use core::ops::Range;

/// The range of `length` bytes at `offset`, or `None` when it is not inside of `available` bytes.
/// Every pair of numbers is allowed: negative ones and sums beyond 2^63 are out of range, too.
#[inline]
pub fn checked(available: usize, offset: i64, length: i64) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    let length = usize::try_from(length).ok()?;
    let end = start.checked_add(length)?;
    (end <= available).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn accepts_what_is_inside_and_nothing_else() {
        assert_eq!(checked(10, 0, 10), Some(0..10));
        assert_eq!(checked(10, 10, 0), Some(10..10));
        assert_eq!(checked(0, 0, 0), Some(0..0));
        let outside = [
            (0, 11),
            (1, 10),
            (11, 0),
            (-1, 1),
            (1, -1),
            (i64::MAX, i64::MAX),
            (i64::MAX, 1),
            (i64::MIN, i64::MIN),
            (1 << 32, 1),
        ];
        for (offset, length) in outside {
            assert_eq!(checked(10, offset, length), None, "{offset} {length}");
        }
    }
}
