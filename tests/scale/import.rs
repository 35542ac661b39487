//! Importing the same nodes again looks each up by its key, however many there are (L2).

use nodewarden::config::InventoryKind;
use nodewarden::store::{self, ImportCount, NodeUpsert, counting};
use nodewarden_tests::database::Kind;

use crate::bounds;
use crate::fleet::{Age, Fleet};

/// As many as one statement looks up.
const NODES: u64 = 1000;

pub async fn reads_what_it_compares(kind: Kind) {
    let fleet = Fleet::new(kind, InventoryKind::Native, Age::Young).await;
    let node = |n| NodeUpsert {
        uuid: format!("{:08x}-imported-{n}", n * 2_654_435_761 % (1 << 32)),
        name: Some(Some(format!("imported-{n}"))),
        driver: "d1".to_owned(),
        conductor_group: None,
        maintenance: Some(false),
    };
    let nodes: Vec<NodeUpsert> = (0..NODES).map(node).collect();
    let import = || store::import(fleet.database(), &nodes, |_| ());
    let added = import().await.unwrap();
    assert_eq!((added.added, added.unchanged), (NODES, 0));
    let (again, reads) = counting::reads(import()).await;
    let unchanged = ImportCount {
        unchanged: NODES,
        ..ImportCount::default()
    };
    assert_eq!(again.unwrap(), unchanged);
    bounds::within(4 * NODES, &reads);
}
