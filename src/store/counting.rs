//! Every statement of the store by name, and what each reads, for tests of scale (L2). Exists only
//! with the feature `counting`, which release builds never have.

use crate::config::{self, Database};
use crate::store::StoreError;
use crate::store::database::connection::Connection;
pub use crate::store::database::measured::{Read, reads};
use crate::store::database::open::Purpose;
use crate::store::inventory;
use crate::store::sql;
use crate::store::trust::Trust;

/// A statement of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What the store calls it; several may go by one name.
    pub name: &'static str,
    /// How it begins.
    pub begins: String,
    /// How it ends, where rows go in between.
    pub ends: String,
}

/// Every statement of the store on this database, by name.
/// Errors: [`StoreError`]: the table of nodes cannot be looked at.
pub async fn statements(
    database: &Database,
    settings: &config::Inventory,
) -> Result<Vec<Named>, StoreError> {
    let mut connection = Connection::open(database, Purpose::Look).await?;
    let inventory = inventory::of(&mut connection, settings, Trust::Revision).await?;
    let mut named = sql::statements(connection.dialect()).by_name();
    named.extend(inventory.by_name());
    let texts = named.into_iter().flat_map(|(name, texts)| {
        let of_name = move |(begins, ends)| Named { name, begins, ends };
        texts.into_iter().map(of_name)
    });
    // An empty one does not apply.
    Ok(texts.filter(|named| !named.begins.is_empty()).collect())
}
