//! Which table of nodes is worked on, and whether it is what we take it for.

use super::StoreError;
use super::connection::Connection;
use super::sql::{self, Inventory};
use crate::config::{self, InventoryKind};

/// The statements over the nodes, once the table that they are for was looked at.
///
/// # Errors
/// [`StoreError::Schema`] if it is not the table that it should be.
pub async fn of(
    connection: &mut Connection,
    settings: &config::Inventory,
) -> Result<Inventory, StoreError> {
    let inventory = match settings.kind {
        InventoryKind::Native => sql::native(connection.dialect()),
        InventoryKind::Ironic => {
            super::ironic::inventory(connection, &settings.ironic_revisions).await?
        }
    };
    connection
        .execute(&inventory.schema, &[])
        .await
        .map_err(|fault| StoreError::from_sqlx("check the table of nodes", fault))?;
    Ok(inventory)
}
