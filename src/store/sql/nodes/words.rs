//! The words in which a database and a kind of table say the same things about a node.
//!
//! A statement (`statements.rs`) calls the node `n`, a change `c`, a pair `p`. What it may say of
//! them is here, one method for each thing to say, so that what is special about a database or
//! about Ironic's table is found in one place.
//!
//! - **SQLite** locks no row by itself: the writer has the whole file. Its `lower` turns A to Z alone.
//!   Keys of our own table that are not text (it lets anybody store a blob) sort after all texts and
//!   are no keys of ours.
//! - **PostgreSQL** compares our own texts byte by byte (collation "C"). Ironic's columns have the
//!   database's own collation: where the two meet, the one whose index is wanted is named.
//! - **MySQL and MariaDB**: our own table has driver and group as bytes in two computed columns, and a
//!   pair is walked by their index, whatever statistics say: after an import they tell of a table half
//!   filled. Ironic's texts have whatever collation its database was made with, mostly one that
//!   ignores case: keys are looked up in that collation, for its index, and names are compared as
//!   bytes beside it.

use crate::store::database::dialect::Dialect;

/// Whose table of nodes it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Our own.
    Native,
    /// An OpenStack Ironic's; its keys matter to MySQL alone.
    Ironic(Keys),
}

/// The character set, the collation and the unique index of the keys of a table that is not ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    charset: String,
    collation: String,
    pub(super) index: String,
}

impl Keys {
    /// `None` if these are no names.
    pub fn parse(charset: &str, collation: &str, index: &str) -> Option<Self> {
        let name = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        };
        (name(charset) && name(collation) && name(index)).then(|| Self {
            charset: charset.to_owned(),
            collation: collation.to_owned(),
            index: index.to_owned(),
        })
    }

    /// A text of ours, made comparable.
    fn of(&self, text: &str) -> String {
        format!(
            "CONVERT({text} USING {}) COLLATE {}",
            self.charset, self.collation
        )
    }
}

/// A database and a kind of table.
#[derive(Debug, Clone)]
pub struct Words {
    pub dialect: Dialect,
    pub kind: Kind,
}

use Dialect::{MySql, Postgres, Sqlite};
use Kind::{Ironic, Native};

/// Ironic's driver and group as bytes in MySQL; the group in ASCII lower case alone (the Hebrew
/// character set has no case of its own).
pub(super) const MYSQL_DRIVER: &str =
    "CAST(CONVERT(n.driver USING utf8mb4) AS CHAR CHARACTER SET binary)";
pub(super) const MYSQL_GROUP: &str =
    "CAST(lower(CONVERT(CAST(CONVERT(n.conductor_group USING utf8mb4)
    AS CHAR CHARACTER SET binary) USING hebrew)) AS CHAR CHARACTER SET binary)";

/// What a mark of ours in an Ironic says, up to the decision's UUID and its closing bracket.
const REASON: &str = "'nodewarden: no active conductor supports this node''s driver; it comes back by itself (decision '";

impl Words {
    /// The node's group, in ASCII lower case.
    pub fn group(&self) -> &'static str {
        match (&self.kind, self.dialect) {
            (Native, Sqlite | Postgres) => "lower(coalesce(n.conductor_group, ''))",
            (Native, MySql) => "n.nodewarden_group",
            (Ironic(_), Sqlite) => "lower(n.conductor_group)",
            (Ironic(_), Postgres) => "lower(n.conductor_group COLLATE \"C\")",
            (Ironic(_), MySql) => MYSQL_GROUP,
        }
    }

    /// The node's driver, as we compare it.
    pub fn driver(&self) -> &'static str {
        match (&self.kind, self.dialect) {
            (Native, Sqlite | Postgres) | (Ironic(_), Sqlite) => "n.driver",
            (Native, MySql) => "n.nodewarden_driver",
            (Ironic(_), Postgres) => "n.driver COLLATE \"C\"",
            (Ironic(_), MySql) => MYSQL_DRIVER,
        }
    }

    /// The node needs this pair, said so that an index finds it.
    pub fn of_pair(&self, group: &str, driver: &str) -> String {
        let by_group = format!("{} = {group}", self.group());
        match (&self.kind, self.dialect) {
            (Native, MySql) => format!("n.nodewarden_driver = {driver} AND {by_group}"),
            (Ironic(keys), MySql) => format!(
                "n.driver = {} AND {MYSQL_DRIVER} = {driver} AND {by_group}",
                keys.of(driver)
            ),
            (_, Sqlite | Postgres) => format!("n.driver = {driver} AND {by_group}"),
        }
    }

    /// The node needs the pair of the decision `d`, said so that an index finds it, and that in
    /// [`order`](Self::order_of_pair) the one of pairs alone does. PostgreSQL compares rows: else it sorts all
    /// nodes of a pair for the first few, where its statistics promise few.
    pub fn of_decision(&self) -> String {
        let group = self.group();
        // A column of texts would have SQLite make a text of the group, and its index end at the driver.
        let of = match self.dialect {
            Sqlite => "+d.conductor_group",
            Postgres | MySql => "d.conductor_group",
        };
        let between = format!("{group} >= {of} AND {group} <= {of}");
        match (&self.kind, self.dialect) {
            (Native, Postgres) => format!(
                "(n.driver, {group}, n.uuid) > (d.driver, d.conductor_group, '')
                AND (n.driver, {group}) <= (d.driver, d.conductor_group)"
            ),
            (Ironic(_), Postgres) => {
                format!("n.driver = d.driver COLLATE \"default\" AND {between}")
            }
            (_, Sqlite) => format!("n.driver = d.driver AND {between}"),
            (_, MySql) => self.of_pair("d.conductor_group", "d.driver"),
        }
    }

    /// The order of the index by which a pair's nodes are walked.
    pub fn order_of_pair(&self) -> String {
        match (&self.kind, self.dialect) {
            (Native, Postgres) => format!("n.driver, {}, n.uuid", self.group()),
            _ => format!("{}, n.uuid", self.group()),
        }
    }

    /// The node needs the pair `p`.
    pub fn needs(&self) -> String {
        format!(
            "p.driver = {} AND p.conductor_group = {}",
            self.driver(),
            self.group()
        )
    }

    /// The nodes, walked by pair.
    pub fn nodes_by_pair(&self) -> &'static str {
        match (&self.kind, self.dialect) {
            (Native, MySql) => "nodes n FORCE INDEX (nodewarden_nodes_pair)",
            _ => "nodes n",
        }
    }

    /// The holds of a window, by their keys, from an index that has their decisions: MariaDB reads another one that
    /// covers a statement whole rather than a fifth of the rows.
    pub fn holds(&self) -> &'static str {
        match self.dialect {
            MySql => "nodewarden_changes c FORCE INDEX (nodewarden_changes_ended)",
            Sqlite | Postgres => "nodewarden_changes c",
        }
    }

    /// It is the node whose key is in a column of ours, looked up by Ironic's index.
    pub fn is(&self, ours: &str) -> String {
        match (&self.kind, self.dialect) {
            (Ironic(_), Postgres) => format!("n.uuid = {ours} COLLATE \"default\""),
            (Ironic(keys), MySql) => format!("n.uuid = {}", keys.of(ours)),
            _ => format!("n.uuid = {ours}"),
        }
    }

    /// A column of ours has the node's key, looked up by our index.
    pub fn has(&self, ours: &str) -> String {
        match (&self.kind, self.dialect) {
            (Ironic(_), Postgres) => format!("{ours} = n.uuid COLLATE \"C\""),
            (Ironic(_), MySql) => {
                format!("{ours} = CONVERT(n.uuid USING utf8mb4) COLLATE utf8mb4_bin")
            }
            _ => format!("{ours} = n.uuid"),
        }
    }

    /// The last node that is held by the decision `d`, by one row of the index.
    pub fn last_held(&self) -> &'static str {
        match self.dialect {
            Sqlite | Postgres => {
                "(SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL
                    ORDER BY c.held DESC LIMIT 1)"
            }
            // NULL is before all texts, and to leave it out would read them all.
            MySql => {
                "(SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                    WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1)"
            }
        }
    }

    /// The bounds of a window, said of a hold as well. Without them PostgreSQL, once its tables
    /// are analysed, may hash all changes for each window of our own table.
    pub fn held_within(&self, held: &str, after: &str, last: &str) -> String {
        match (&self.kind, self.dialect) {
            (Native, Postgres) => format!(" AND {held} > {after} AND {held} <= {last}"),
            (Native, Sqlite | MySql) | (Ironic(_), _) => String::new(),
        }
    }

    /// The length of a text in bytes.
    pub fn bytes(&self, text: &str) -> String {
        match (&self.kind, self.dialect) {
            // What is stored may be a number or a blob.
            (Native, Sqlite) => format!("length(CAST({text} AS BLOB))"),
            (Ironic(_), MySql) => format!("octet_length(CONVERT({text} USING utf8mb4))"),
            _ => format!("octet_length({text})"),
        }
    }

    /// The node's name; one longer than any message may carry is left out.
    pub fn name(&self) -> String {
        match self.kind {
            Native => format!("CASE WHEN {} <= 255 THEN n.name END", self.bytes("n.name")),
            Ironic(_) => "n.name".to_owned(),
        }
    }

    /// The node's key is a text, and not empty: by the bounds of a walk, but for what they let pass.
    pub fn has_key(&self) -> &'static str {
        match (&self.kind, self.dialect) {
            (Native, Sqlite) => " AND n.uuid < x''",
            // A walk begins below the empty key here.
            (Native, MySql) => " AND octet_length(n.uuid) > 0",
            (Native, Postgres) | (Ironic(_), _) => "",
        }
    }

    /// The same where there is no walk with bounds.
    pub fn has_key_anywhere(&self) -> &'static str {
        match (&self.kind, self.dialect) {
            (Native, Sqlite) => " AND n.uuid < x'' AND n.uuid <> ''",
            _ => self.has_key(),
        }
    }

    /// The node names a driver and a group that are names.
    pub fn names_a_pair(&self) -> String {
        let text = match (&self.kind, self.dialect) {
            (Native, Sqlite) => "typeof(n.driver) = 'text' AND ",
            _ => "",
        };
        let (driver, group) = match (&self.kind, self.dialect) {
            (Native, MySql) => ("n.nodewarden_driver", "n.nodewarden_group"),
            (Native, _) => ("n.driver", "coalesce(n.conductor_group, '')"),
            (Ironic(_), _) => ("n.driver", "n.conductor_group"),
        };
        format!(
            "{text}{} BETWEEN 1 AND 255 AND {} <= 255",
            self.bytes(driver),
            self.bytes(group)
        )
    }

    /// What of a lost pair is walked over. Of Ironic's nodes only those that may be taken.
    pub fn walked(&self) -> String {
        match self.kind {
            Native => String::new(),
            Ironic(_) => format!(" AND {}", self.free()),
        }
    }

    /// The node may be taken out.
    pub fn free(&self) -> String {
        match self.kind {
            Native => format!("{} BETWEEN 1 AND 255", self.bytes("n.uuid")),
            Ironic(_) => format!(
                "{} = 'available' AND {} IS NULL AND {} AND NOT coalesce(n.maintenance, FALSE)",
                self.not_by("n.provision_state"),
                self.not_by("n.instance_uuid"),
                self.not_reserved(),
            ),
        }
    }

    /// A column of Ironic's that most nodes agree in: without statistics SQLite would take its index
    /// for the best one.
    fn not_by(&self, column: &str) -> String {
        match self.dialect {
            Sqlite => format!("+{column}"),
            Postgres | MySql => column.to_owned(),
        }
    }

    /// No conductor of Ironic's works on the node.
    pub fn not_reserved(&self) -> String {
        self.unestimated(format!("{} IS NULL", self.not_by("n.reservation")))
    }

    /// What PostgreSQL's statistics say of Ironic's columns was so before a loss: by them hardly a node has
    /// our mark, and a window of holds would be joined to all nodes that have it. A CASE has no statistics.
    fn unestimated(&self, condition: String) -> String {
        match self.dialect {
            Postgres => format!("CASE WHEN {condition} THEN TRUE ELSE FALSE END"),
            Sqlite | MySql => condition,
        }
    }

    /// Our mark of this decision was not lifted from the node.
    pub fn not_lifted(&self, decision: &str) -> String {
        match self.kind {
            // PostgreSQL wants to know the type of a value that nothing uses.
            Native => format!("{decision} > 0"),
            Ironic(_) => format!(
                "NOT EXISTS (SELECT 1 FROM nodewarden_changes l WHERE {} AND l.decision = {decision})",
                self.has("l.lifted")
            ),
        }
    }

    /// The mark on the node is provably the one that we set for the decision `m`.
    pub fn marked_by_us(&self) -> String {
        let reason = match self.dialect {
            Sqlite | Postgres => format!("n.maintenance_reason = {}", self.reason("m.decision_id")),
            MySql => format!(
                "CAST(CONVERT(n.maintenance_reason USING utf8mb4) AS CHAR CHARACTER SET binary) = {}",
                self.reason("m.decision_id")
            ),
        };
        let ours = format!("n.maintenance AND n.fault = 'no active conductor' AND {reason}");
        self.unestimated(ours)
    }

    fn reason(&self, decision: &str) -> String {
        match self.dialect {
            Sqlite | Postgres => format!("{REASON} || {decision} || ')'"),
            MySql => format!("concat({REASON}, {decision}, ')')"),
        }
    }

    fn now(&self) -> &'static str {
        match self.dialect {
            Sqlite => "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
            Postgres => "now() AT TIME ZONE 'UTC'",
            MySql => "utc_timestamp()",
        }
    }

    /// Marks a node, by the decision `m`. `$1` is now.
    pub fn mark(&self) -> String {
        match self.kind {
            Native => "service_state = 'out_of_service', service_state_since_ms = $1".to_owned(),
            Ironic(_) => format!(
                "maintenance = TRUE, fault = 'no active conductor', maintenance_reason = {}, updated_at = {}",
                self.reason("m.decision_id"),
                self.now()
            ),
        }
    }

    /// Takes the mark from a node. `$1` is now.
    pub fn unmark(&self) -> String {
        match self.kind {
            Native => "service_state = 'in_service', service_state_since_ms = $1".to_owned(),
            Ironic(_) => format!(
                "maintenance = FALSE, fault = NULL, maintenance_reason = NULL, updated_at = {}",
                self.now()
            ),
        }
    }

    /// The node's state is another one; `coalesce` keeps statistics from before a loss out of the
    /// plan.
    pub fn is_not(&self, state: &str) -> String {
        match self.dialect {
            Sqlite | Postgres => format!("coalesce(n.service_state, '') <> '{state}'"),
            MySql => format!("NOT n.service_state <=> '{state}'"),
        }
    }

    /// Locks the rows of `n` and passes by those that another session has locked.
    pub fn lock(&self) -> &'static str {
        match self.dialect {
            Sqlite => "",
            Postgres => " FOR UPDATE OF n SKIP LOCKED",
            MySql => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Joins from the table before it: MySQL's planner, with old statistics, would begin with all
    /// nodes.
    pub fn then(&self) -> &'static str {
        match self.dialect {
            Sqlite | Postgres => "JOIN",
            MySql => "STRAIGHT_JOIN",
        }
    }

    /// The one node of a key of ours, for MySQL's UPDATE, which locks and waits for every row that
    /// it reads: it must look up that one alone.
    pub fn changed(&self, ours: &str) -> String {
        let index = match &self.kind {
            Native => "PRIMARY",
            Ironic(keys) => &keys.index,
        };
        format!("nodes n FORCE INDEX (`{index}`) ON {}", self.is(ours))
    }
}
