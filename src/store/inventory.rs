//! Which table of nodes is worked on, and whether it is what we take it for.

use std::sync::Arc;

use crate::config::{self, InventoryKind};
use crate::store::database::connection::Connection;
use crate::store::database::error::StoreError;
use crate::store::database::link::{WriterConnection, too_slow};
use crate::store::sql::{self, Inventory};
use crate::store::trust::Trust;

/// A writer's statements over the nodes, which depend on the table that is found.
pub struct Inspected {
    pub settings: config::Inventory,
    pub trust: Trust,
    /// Once the table has been looked at.
    pub found: Option<Arc<Inventory>>,
}

impl Inspected {
    /// Looks with these statements.
    pub async fn look<T>(
        &mut self,
        link: &mut WriterConnection,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Connection, &Inventory) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let inventory = self.by(link).await?;
        let looked = link.look(doing, async |connection| work(connection, &inventory).await);
        looked.await
    }

    pub async fn by(&mut self, link: &mut WriterConnection) -> Result<Arc<Inventory>, StoreError> {
        if let Some(found) = &self.found {
            return Ok(Arc::clone(found));
        }
        let limit = link.limit();
        let look = of(link.connection().await?, &self.settings, self.trust);
        let found = tokio::time::timeout(limit, look).await.unwrap_or_else(|_| {
            let slow = too_slow("look", limit);
            Err(StoreError::from_sqlx("check the table of nodes", slow))
        });
        // What failed for a passing reason may fail for the connection.
        if found.as_ref().is_err_and(StoreError::is_transient) {
            link.drop_connection();
        }
        let found = Arc::new(found?);
        self.found = Some(Arc::clone(&found));
        Ok(found)
    }
}

/// The statements over the nodes, once the table is known to be the one they are for.
pub async fn of(
    connection: &mut Connection,
    settings: &config::Inventory,
    trust: Trust,
) -> Result<Inventory, StoreError> {
    let inventory = match settings.kind {
        InventoryKind::Native => sql::native(connection.dialect()),
        InventoryKind::Ironic => {
            let vouched = &settings.ironic_revisions;
            crate::store::ironic::schema::inventory(connection, vouched, trust).await?
        }
    };
    connection
        .execute(&inventory.schema, &[])
        .await
        .map_err(|fault| StoreError::from_sqlx("check the table of nodes", fault))?;
    Ok(inventory)
}

/// Refuses to make or fill our table of nodes where another program has one; changes nothing.
pub async fn refuse_foreign(connection: &mut Connection) -> Result<(), StoreError> {
    let there = connection.execute("SELECT uuid FROM nodes LIMIT 0", &[]);
    if there.await.is_err() {
        return Ok(());
    }
    let ours = connection.execute("SELECT service_state FROM nodes LIMIT 0", &[]);
    match ours.await {
        Ok(_) => Ok(()),
        Err(_) => Err(StoreError::Schema(
            "its table `nodes` belongs to another program (it has no service_state), and nothing was changed: for the database \
             of an OpenStack Ironic set inventory.kind = \"ironic\", else use a database of your own"
                .to_owned(),
        )),
    }
}
