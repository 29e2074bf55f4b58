//! Things under small numbers, so that JavaScript can name them without a handle. A number is used
//! again after its thing was removed: who removes must not use the number any more.

/// A list with reuse of free places.
pub struct Table<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Table<T> {
    pub const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Keeps `thing` and returns its number.
    pub fn insert(&mut self, thing: T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.places[index as usize] = Some(thing);
            return index;
        }
        let index = u32::try_from(self.places.len()).expect("fewer than 2^32 entries");
        self.places.push(Some(thing));
        index
    }

    /// The thing under `index`, if there is one.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&T> {
        self.places.get(index as usize)?.as_ref()
    }

    /// Takes the thing under `index` out, if there is one.
    pub fn remove(&mut self, index: u32) -> Option<T> {
        let thing = self.places.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some(thing)
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn numbers_are_reused_after_removal_only() {
        let mut table = Table::new();
        assert_eq!((table.insert('a'), table.insert('b')), (0, 1));
        assert_eq!(table.remove(0), Some('a'));
        assert_eq!(table.remove(0), None);
        assert_eq!(table.get(0), None);
        assert_eq!(table.insert('c'), 0);
        assert_eq!(table.insert('d'), 2);
        assert_eq!(table.get(0), Some(&'c'));
        assert_eq!(table.get(3), None);
        assert_eq!(table.remove(u32::MAX), None);
    }
}
