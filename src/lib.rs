//! nodewarden: the map of the house.
//!
//! Conductors say over RabbitMQ that they joined, live or left. One replica of the worker, chosen by
//! a queue with a single active consumer and fenced by an epoch in the database, keeps the active
//! driver map; when a (conductor group, driver) pair loses its last active conductor, it takes the
//! pair's nodes out of service and tells schedulers; when one returns, it puts exactly those back.
//!
//! ```text
//! conductors ─► conductor.events ─► [single active queue] ─► intake ─┐     (small transactions, ack)
//!                                                                    ▼
//!                                        driver map: (group, driver) → active conductors
//!                                                                    ▼  a pair became lost / active
//!                                        decision recorded: what each pair SHOULD be
//!                                                                    ▼
//!                                        reconcile: make the nodes so, a window at a time
//!                                                                    ▼  same transaction
//!                                        holds (what is out because of us) + outbox
//!                                                                    ▼
//!                                        relay: publish in order, confirmed ─► node.events ─► schedulers
//! ```
//!
//! # Where things are, and what may know what
//!
//! | module | what | knows |
//! |---|---|---|
//! | [`domain`] | the decision core, pure: start reading here | words, no runtime |
//! | [`words`] | closed lists of words, each word written once | nothing |
//! | [`message`] | a message as plain data, delivered or to be published | nothing |
//! | [`clock`] | the machine's time and random ids, and the port that tests replace | domain |
//! | [`wire`] | bytes to domain and back, limits | domain, message |
//! | [`store`] | the database: one transaction a method; the only SQL | domain, config |
//! | [`broker`] | the AMQP client; the only names of queues | domain, config, message, clock |
//! | [`worker`] | the loop as a step machine, the relay, the replica | domain, wire, store, broker |
//! | [`bridge`] | looks at Ironic's tables, judges (pure), publishes what Ironic does not | as the worker |
//! | `placement` | the subscriber for OpenStack's own scheduler | config, broker, wire, retry, telemetry |
//! | [`http`], [`answers`] | read and tell; never write | store's reader, worker's, bridge's and placement's status |
//! | [`cli`] | the commands | all of these |
//! | [`app`] | puts a replica together; nothing is constructed elsewhere | all |
//! | [`lifecycle`] | signals, tasks, the watchdog process | store's watch |
//! | [`config`], [`retry`], [`failpoints`] | settings; pauses; places to crash | nothing |
//! | [`telemetry`] | logs and metrics | domain, wire: the words of its labels |
//!
//! # Invariants, quoted by number in code and tests
//!
//! - **I1** Under any interleaving of replicas, crashes, pauses and redeliveries the committed
//!   decisions equal those of one worker that handles each event once, in queue order. Decisions
//!   caused by time: at most one for each silence or hold; later than that worker's, never earlier.
//! - **I2** A delivery is acknowledged only after its effects are committed, or after it is safely
//!   among the dead letters. Every event is remembered by (conductor, `message_id`) for as long as
//!   it can be redelivered.
//! - **I3** A node's state, its hold and its announcement commit together or not at all.
//! - **I4** `seq` is contiguous in a stream. What an announcement says is fixed in the transaction
//!   that decides it; the relay only copies. What the broker refuses it sends again on a fresh
//!   channel, then on a fresh connection; what those refuse for 30 s too is passed by, one message
//!   at a time, counted and alerted.
//! - **I5** Return releases exactly the holds that we took. An operator's own marks are never set,
//!   cleared or overwritten.
//! - **I6** A node whose pair has an active conductor at commit time is never taken out in that
//!   transaction, and none is given back whose pair has none.
//! - **I7** Our own trouble takes no node out: broker outage, database stall, paused process, restart
//!   with an empty or old memory, a changed wall clock.
//! - **I8** Bounded everything: memory, channel, transaction, retry interval, table, nesting depth,
//!   label cardinality.
//! - **I9** A part that dies takes the process down; a watchdog kills a process that is stuck inside
//!   a transaction. Nothing half alive.
//!
//! # Laws of cost and of liveness, quoted the same way
//!
//! - **L1** Bounded steps. The work of a transaction, a step, a scrape or a request is bounded by a
//!   number that is set or measured, whatever is due at once, however large a table has grown, and
//!   however slow a round trip is. A transaction aims at an eighth of a second as measured; one that
//!   met a limit is tried again smaller, never the same again.
//! - **L2** Costs follow the change, not the history. A statement reads rows in proportion to what
//!   it changes or returns. Retention runs apart, in small transactions, until nothing is due.
//! - **L3** What must happen happens in time. While faults come no more often than a few a minute,
//!   each truly silent conductor is lost within its time-out, the grace and a margin; the nodes of a
//!   returned pair are back; the queue drains; sweeps end. Only time in which deliveries were not
//!   taken makes a gap: a look that failed proves nothing and doubts nothing, and a doubtful commit
//!   keeps what was heard.
//! - **L4** Every stop of progress is seen and heals. A wedge (no own tick, a holder that no longer
//!   commits, a confirm that never comes) ends the session within a stated time; what can never be
//!   done is passed by and named; `status`, `/readyz` and an alert say for how long silence cannot
//!   be judged, and why.
//!
//! # Words, one meaning each
//!
//! - **conductor**, **driver**, **group**: what drives nodes, how, and for which part of the fleet; a
//!   **pair** is a group and a driver: what a node needs. The **driver map** says which conductors make
//!   which pair active; a pair's **standing** is what it should be.
//! - **event**: what a conductor says; a **tick** is a replica's own, and so is a
//!   **probe**, which goes the conductors' way. **Intake** turns deliveries into
//!   **findings**: what one transaction writes of a batch.
//! - **decision**: a verdict about a pair, with its cause. A **turn** is the change of a standing that
//!   leads to one. An *observed* decision moves no node.
//! - **hold**: a node that is out because of us. A conductor in a planned **restart** is no hold.
//! - **walk**, **window**: reconcile walks over the nodes of a pair, a window of them in a transaction.
//!   The **sweep** looks at everything, and has reconcile walk over all of it if anything is to do;
//!   **retention** drops old rows.
//! - **announcement**: what schedulers hear; the **outbox** has those that wait, the **relay** carries
//!   them. **stream**, **seq**: a history, and a change's place in it. A database that has less than was
//!   **known** to be committed begins a new stream.
//! - **epoch**: which replica may write; a **term** is what a replica remembers while it has one; **in doubt** is
//!   a term whose last commit may or may not have happened. A **session** is one time in line.
//! - How things go wrong: a **refusal** (a message, for good), a **fault** (what interrupts a step), an
//!   **end** (of a session), a **failure** (of a command, with its exit code).
//!
//! # Libraries, one for each need
//!
//! lapin (AMQP), tokio (runtime), sqlx (databases), serde, rmp-serde, `serde_json`, csv (formats),
//! backoff (pauses; only behind [`retry`]), tokio-util (cancellation, tracked tasks), futures-util
//! (polling once), clap (command line), figment (settings in layers), secrecy (no password in a
//! log), thiserror (errors), tracing and tracing-subscriber (logs),
//! metrics and its Prometheus exporter, axum (HTTP), reqwest and rustls
//! (asking OpenStack, certificates verified), serde_norway (`clouds.yaml`), uuid, sha2 (digests of events), schemars
//! (schemas from types), humantime (durations), comfy-table (tables), unicode-width (how wide a
//! text is on a terminal), clap_complete (what a shell completes), clap_mangen (manual pages), indicatif
//! (progress), rustix (signals to processes, the width of the terminal).

// Results go through `cli::output`, which takes a reader that has gone away for no fault.
#![warn(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::too_many_lines
)]
#![expect(
    async_fn_in_trait,
    reason = "the traits are used only with concrete types, whose futures are Send"
)]

pub mod answers;
pub mod app;
pub mod bridge;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod failpoints;
pub mod http;
pub mod lifecycle;
pub mod message;
mod placement;
pub mod retry;
pub mod store;
pub mod telemetry;
pub mod wire;
pub mod words;
pub mod worker;
