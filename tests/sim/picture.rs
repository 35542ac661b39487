//! [`Picture`]: the nodes as an oracle last saw them, kept up to date by what is written.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use nodewarden::domain::ids::Pair;
use nodewarden_tests::model::{self, Tables};

/// A node, as its users' table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub pair: Pair,
    /// Our mark.
    pub out: bool,
    /// The operators' own.
    pub maintenance: bool,
}

impl Node {
    fn of(node: &model::Node) -> Self {
        Self {
            pair: node.pair().expect("nodes of a run have one"),
            out: node.service_state.as_deref() == Some("out_of_service"),
            maintenance: node.maintenance.unwrap_or_default(),
        }
    }
}

/// All nodes at one moment, by uuid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture(BTreeMap<String, Node>);

impl Picture {
    /// All as they are.
    pub fn of(tables: &Tables) -> Self {
        let nodes = tables.nodes.iter();
        Self(
            nodes
                .map(|(uuid, node)| (uuid.clone(), Node::of(node)))
                .collect(),
        )
    }

    /// By uuid.
    pub fn nodes(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.0.iter()
    }

    /// Looks at one node again: how it was before, and how it is.
    pub fn renew(&mut self, uuid: &str, tables: &Tables) -> (Option<Node>, Option<&Node>) {
        let Some(node) = tables.nodes.get(uuid) else {
            return (self.0.remove(uuid), None);
        };
        let before = self.0.insert(uuid.to_owned(), Node::of(node));
        (before, self.0.get(uuid))
    }
}

/// What the model answers: it never waits.
pub fn at_once<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("the model never waits")
}
