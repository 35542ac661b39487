//! [`Taking`]: what has been read of a file so far.

use super::fault::Faults;
use super::node;
use super::packed::PackedNodes;
use super::record::Record;

/// One record larger than that is none: Ironic prints some 10 KiB for a node.
pub(super) const RECORD_BYTES: usize = 16 << 20;

/// Takes the records of a file, one after the other.
#[derive(Default)]
pub(super) struct Taking {
    pub(super) nodes: PackedNodes,
    pub(super) faults: Faults,
    /// How many lines of something else stand above the nodes.
    pub(super) above: usize,
}

impl Taking {
    pub(super) fn take(&mut self, record: &Record) {
        if let Some(node) = node::node(record, &mut self.faults) {
            self.nodes.push(&node, record.line_of("uuid"));
        }
    }
}
