//! Before it gets in line, a replica proves that it could decide.

use super::lost;
use super::ports::Ledger;
use crate::domain::committed::Committed;
use crate::store::StoreError;

/// Proves it, and says what the database has: nothing is delivered to this session before that.
///
/// # Errors
/// The database cannot be reached or written, or its tables are not as they must be.
pub async fn ready<L: Ledger>(ledger: &mut L) -> Result<Committed, StoreError> {
    ledger.prove().await?;
    Ok(lost::found(ledger).await?.0)
}
