//! The model, under the hands of replicas, operators and users.

use std::collections::BTreeSet;

use nodewarden::store::Held;
use nodewarden_tests::model::{Model, ModelLedger, ModelOutbox, Node};

use crate::operations::{Act, Edit, FORGET, Op, What};
use crate::told::{Open, answer, told};

/// The history of every model and database here.
pub const STREAM: &str = "00000000-0000-4000-8000-000000000000";

/// A model, and what is open on it.
pub struct Modelled {
    pub model: Model,
    open: Open<ModelLedger, ModelOutbox>,
    /// Whether a row can be locked, and those that are.
    locks: bool,
    locked: BTreeSet<String>,
}

impl Modelled {
    /// An empty one; of SQLite, which locks no row, or of a server.
    pub fn new(locks: bool) -> Self {
        let model = Model::new(STREAM);
        let open = Open {
            ledgers: [model.ledger("one"), model.ledger("two")],
            outboxes: [model.outbox("one"), model.outbox("two")],
            epochs: [0; 2],
        };
        Self {
            model,
            open,
            locks,
            locked: BTreeSet::new(),
        }
    }

    /// Does it; returns what is told.
    pub async fn apply(&mut self, op: &Op) -> String {
        match &op.what {
            What::Replica(replica, call) => told(&mut self.open, *replica, call, op.now_ms).await,
            What::Operator(act) => operate(&self.model, act, op.now_ms),
            What::User(edit) => {
                // One who wants a locked row waits.
                if !self.locked.contains(edit.uuid()) {
                    self.edit(edit.clone());
                }
                String::new()
            }
            What::Lock(uuid) => {
                if self.locks {
                    self.model.lock(uuid);
                    self.locked.insert(uuid.clone());
                }
                String::new()
            }
            What::Unlock(uuid) => {
                self.model.unlock(uuid);
                self.locked.remove(uuid);
                String::new()
            }
        }
    }

    fn edit(&self, edit: Edit) {
        let model = &self.model;
        let uuid = edit.uuid().to_owned();
        match edit {
            Edit::Register(_, name, driver, conductor_group) => {
                let node = Node {
                    name,
                    driver,
                    conductor_group,
                    ..Node::of("", "")
                };
                model.register(&uuid, node);
            }
            Edit::Delete(_) => {
                model.delete(&uuid);
            }
            Edit::Driver(_, driver) => {
                model.edit(&uuid, |node| node.driver = driver);
            }
            Edit::Group(_, group) => {
                model.edit(&uuid, |node| node.conductor_group = group);
            }
            Edit::Mark(_, mark) => {
                model.edit(&uuid, |node| node.service_state = mark);
            }
            Edit::Name(_, name) => {
                model.edit(&uuid, |node| node.name = name);
            }
        }
    }
}

/// What an operator of the model is told.
fn operate(model: &Model, act: &Act, now_ms: u64) -> String {
    let operator = model.operator();
    match act {
        Act::Pause(pause) => answer(operator.pause(pause)),
        Act::Resume => answer(operator.resume()),
        Act::Forget(name) => answer(operator.request(FORGET, name, now_ms)),
        Act::ReleaseAll(window) => answer(operator.release(Held::Everything, window)),
        Act::ReleasePair(pair, window) => answer(operator.release(Held::Of(pair), window)),
        Act::ReleaseNode(uuid, window) => answer(operator.release(Held::Node(uuid), window)),
        Act::NewStream(stream, force) => answer(operator.new_stream(stream, now_ms, *force)),
    }
}
