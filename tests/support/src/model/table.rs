//! A table: rows by key, and a journal of what the open transaction changed, so that its end costs
//! what it changed and not what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;

/// Rows by key. Read as the map that it is; changed only by these methods, each of which can be
/// undone.
pub struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// What was there before, oldest first.
    journal: Vec<(K, Option<V>)>,
    /// What committed transactions wrote since that was last asked, if it is asked at all.
    written_keys: Option<BTreeSet<K>>,
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// Adds or replaces a row.
    pub fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), row);
        self.journal.push((key, before));
    }

    /// Removes a row; returns whether it was there.
    pub fn drop_row(&mut self, key: &K) -> bool {
        let Some(before) = self.rows.remove(key) else {
            return false;
        };
        self.journal.push((key.clone(), Some(before)));
        true
    }

    /// Changes a row; returns whether it was there.
    pub fn edit(&mut self, key: &K, change: impl FnOnce(&mut V)) -> bool {
        let Some(row) = self.rows.get_mut(key) else {
            return false;
        };
        self.journal.push((key.clone(), Some(row.clone())));
        change(row);
        true
    }

    /// How many rows the open transaction has written.
    pub fn written(&self) -> u64 {
        self.journal.len() as u64
    }

    /// Ends the transaction: what it wrote stays.
    pub fn keep(&mut self) {
        match &mut self.written_keys {
            Some(keys) => keys.extend(self.journal.drain(..).map(|(key, _)| key)),
            None => self.journal.clear(),
        }
    }

    /// From now on, the keys of rows that are written are kept for [`news`](Self::news).
    pub fn watch(&mut self) {
        self.written_keys.get_or_insert_default();
    }

    /// The keys of rows that were written since the last call.
    pub fn news(&mut self) -> BTreeSet<K> {
        self.written_keys
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Ends the transaction: all is as before.
    pub fn undo(&mut self) {
        while let Some((key, before)) = self.journal.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            journal: Vec::new(),
            written_keys: None,
        }
    }
}

/// A copy of what is there, with no transaction open and nothing watched.
impl<K: Clone, V: Clone> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            journal: Vec::new(),
            written_keys: None,
        }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}
