//! Whether a table of nodes is that of an OpenStack Ironic that we know.

use super::StoreError;
use super::connection::Connection;
use super::sql::Inventory;

pub async fn inventory(_connection: &mut Connection) -> Result<Inventory, StoreError> {
    Err(StoreError::Schema(
        "inventory.kind = \"ironic\" is not supported by this version".to_owned(),
    ))
}
