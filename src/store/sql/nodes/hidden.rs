//! What a table of nodes may hide from us: rows without a key, and changes that are cancelled.

use super::words::Kind::{Ironic, Native};
use super::words::Words;
use crate::store::database::dialect::Dialect::{MySql, Postgres, Sqlite};

impl Words {
    /// The keys that are none, each said so that the index of keys finds it; empty: there are none.
    pub fn keyless(&self) -> &'static [&'static str] {
        match (&self.kind, self.dialect) {
            (Native, Sqlite) => &["n.uuid >= x''", "n.uuid = ''", "n.uuid IS NULL"],
            (Native, Postgres) => &["n.uuid = ''"],
            // Spaces alone are a key, and equal to the empty one.
            (Native, MySql) => &["n.uuid = '' AND octet_length(n.uuid) = 0"],
            (Ironic(_), _) => &[],
        }
    }

    /// Something may cancel a change of a node and report nothing: a trigger, a rule, a policy, or those of
    /// a part of the table. MySQL shows its triggers only to those who may make them.
    pub fn may_cancel(&self) -> &'static str {
        match self.dialect {
            Sqlite => {
                "(SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = 'nodes') > 0"
            }
            Postgres => {
                "(SELECT relhastriggers OR relhasrules OR relrowsecurity OR relhassubclass FROM pg_class
                    WHERE oid = 'nodes'::regclass)"
            }
            MySql => "TRUE",
        }
    }
}
