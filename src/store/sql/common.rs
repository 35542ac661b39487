//! The statements over our own tables. A dialect's file names what differs there, and why.
//!
//! A row of `nodewarden_changes` is hold and outbox entry at once, which takes half the time of two
//! tables. Ranges are bounded on both sides: PostgreSQL takes an open one, on tables never
//! analysed, for a third of all rows.

use super::Statements;

pub const COMMON: Statements = Statements {
    // The file's one write lock from the start, or nothing has begun.
    begin: "BEGIN IMMEDIATE",
    begin_look: "BEGIN",
    create_stream: "INSERT INTO nodewarden_state
        (id, stream, epoch, commits, seq, last_announcement, last_decision) VALUES (1, $1, 0, 0, 0, 0, 0)
        ON CONFLICT DO NOTHING",
    create_relay: "INSERT INTO nodewarden_relay (id, announced) VALUES (1, 0) ON CONFLICT DO NOTHING",
    stream: "SELECT stream FROM nodewarden_state WHERE id = 1",
    schema: &[
        "SELECT stream, epoch, commits, seq, last_announcement, last_decision, holder, taken_at_ms, committed_at_ms,
            mode FROM nodewarden_state LIMIT 0",
        "SELECT announced, announced_at_ms FROM nodewarden_relay LIMIT 0",
        "SELECT number, conductor, message_id, digest, type, outcome, received_at_ms FROM nodewarden_events LIMIT 0",
        "SELECT conductor, incarnation, conductor_group, drivers, heartbeat_timeout_ms, state, hold_remaining_ms,
            hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms, since_ms FROM nodewarden_conductors LIMIT 0",
        "SELECT conductor_group, driver, state, since_ms, decision FROM nodewarden_pairs LIMIT 0",
        "SELECT number, decision_id, conductor_group, driver, verdict, cause, cause_event_id, cause_event,
            cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes, observed, may_hold
            FROM nodewarden_decisions LIMIT 0",
        "SELECT seq, uuid, name, held, decision, since_ms, back, ends, marked, lifted FROM nodewarden_changes LIMIT 0",
        "SELECT number, type, decision, reason, released_by, first_seq, last_seq, epoch, decided_at_ms,
            committed_at_ms, format FROM nodewarden_announcements LIMIT 0",
        "SELECT number, kind, argument, requested_at_ms, requested_by, done_at_ms, result FROM nodewarden_requests LIMIT 0",
        "SELECT id, pause_id, reason, who, paused_at_ms, remaining_ms, noted_at_ms FROM nodewarden_pause LIMIT 0",
        "SELECT id, proofs FROM nodewarden_proof LIMIT 0",
        "SELECT conductor, refused_why, refused_count, refused_since_ms, refused_last_ms,
            refused_remaining_ms, ignored_incarnation, ignored_count, ignored_since_ms, ignored_last_ms FROM nodewarden_unheeded LIMIT 0",
        "SELECT subscriber, stream, seq, applied_at_ms, heard_at_ms FROM nodewarden_receipts LIMIT 0",
        "SELECT conductor_group, driver, nodes, held FROM nodewarden_counts LIMIT 0",
        "SELECT id, counted_at_ms, nodes, held, seq FROM nodewarden_counted LIMIT 0",
        "SELECT id, epoch, unproven_since_ms, unproven_ms, deaf, troubles, noted_at_ms FROM nodewarden_hearing LIMIT 0",
        "SELECT stream, previous, began_at_ms, known_stream, known_epoch, known_seq, known_commits, found_epoch,
            found_seq, found_commits, waits_ms FROM nodewarden_streams LIMIT 0",
    ],
    prove: "INSERT INTO nodewarden_proof (id, proofs) VALUES (1, 1)
        ON CONFLICT (id) DO UPDATE SET proofs = nodewarden_proof.proofs + 1",
    note_hearing: "INSERT INTO nodewarden_hearing (id, epoch, unproven_since_ms, unproven_ms, deaf, troubles, noted_at_ms)
        VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch,
        unproven_since_ms = excluded.unproven_since_ms, unproven_ms = excluded.unproven_ms, deaf = excluded.deaf,
        troubles = excluded.troubles, noted_at_ms = excluded.noted_at_ms",
    noted_hearing: "SELECT unproven_since_ms, unproven_ms, deaf, troubles, noted_at_ms FROM nodewarden_hearing
        WHERE id = 1 AND epoch = $1",
    take_epoch: "UPDATE nodewarden_state SET epoch = epoch + 1, commits = commits + 1,
        holder = $1, taken_at_ms = $2, committed_at_ms = $2, mode = $3 WHERE id = 1",
    fence: "UPDATE nodewarden_state SET commits = commits + 1, committed_at_ms = coalesce($1, committed_at_ms)
        WHERE id = 1 AND epoch = $2",
    fence_any: "UPDATE nodewarden_state SET commits = commits + 1 WHERE id = 1",
    counters: "SELECT stream, epoch, commits, seq, last_announcement, last_decision, mode FROM nodewarden_state WHERE id = 1",
    save_counters: "UPDATE nodewarden_state SET seq = $1, last_announcement = $2, last_decision = $3 WHERE id = 1",
    step_down: "UPDATE nodewarden_state SET holder = NULL WHERE id = 1",
    conductors: "SELECT conductor, incarnation, conductor_group, drivers, heartbeat_timeout_ms,
        state, hold_remaining_ms, last_sent_at_ms, last_sign_at_ms, since_ms FROM nodewarden_conductors",
    standings: "SELECT p.conductor_group, p.driver, p.state, d.observed, d.verdict, d.cause, d.cause_event_id,
        d.cause_event, d.cause_conductor, d.last_good_at_ms
        FROM nodewarden_pairs p LEFT JOIN nodewarden_decisions d ON d.number = p.decision",
    unheeded: "SELECT conductor, refused_why, refused_count, refused_since_ms, refused_last_ms,
            refused_remaining_ms, ignored_incarnation, ignored_count, ignored_since_ms, ignored_last_ms FROM nodewarden_unheeded",
    receipts: "SELECT subscriber, stream, seq, applied_at_ms, heard_at_ms FROM nodewarden_receipts",
    recall: (
        "SELECT conductor, message_id, digest FROM nodewarden_events WHERE (conductor, message_id) IN (",
        ")",
    ),
    remember: "INSERT INTO nodewarden_events (conductor, message_id, digest, type, outcome, received_at_ms) VALUES ",
    save_conductors: (
        "INSERT INTO nodewarden_conductors (conductor, incarnation, conductor_group, drivers, heartbeat_timeout_ms,
            state, hold_remaining_ms, hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms, since_ms) VALUES ",
        " ON CONFLICT (conductor) DO UPDATE SET
            incarnation = excluded.incarnation, conductor_group = excluded.conductor_group, drivers = excluded.drivers,
            heartbeat_timeout_ms = excluded.heartbeat_timeout_ms, state = excluded.state,
            hold_remaining_ms = excluded.hold_remaining_ms, hold_noted_at_ms = excluded.hold_noted_at_ms,
            last_sent_at_ms = excluded.last_sent_at_ms, last_sign_at_ms = excluded.last_sign_at_ms,
            since_ms = excluded.since_ms",
    ),
    save_unheeded: (
        "INSERT INTO nodewarden_unheeded (conductor, refused_why, refused_count, refused_since_ms, refused_last_ms,
            refused_remaining_ms, ignored_incarnation, ignored_count, ignored_since_ms, ignored_last_ms) VALUES ",
        " ON CONFLICT (conductor) DO UPDATE SET
            refused_why = excluded.refused_why,
            refused_count = excluded.refused_count,
            refused_since_ms = excluded.refused_since_ms,
            refused_last_ms = excluded.refused_last_ms,
            refused_remaining_ms = excluded.refused_remaining_ms,
            ignored_incarnation = excluded.ignored_incarnation,
            ignored_count = excluded.ignored_count,
            ignored_since_ms = excluded.ignored_since_ms,
            ignored_last_ms = excluded.ignored_last_ms",
    ),
    save_receipts: (
        "INSERT INTO nodewarden_receipts (subscriber, stream, seq, applied_at_ms, heard_at_ms) VALUES ",
        " ON CONFLICT (subscriber) DO UPDATE SET stream = excluded.stream, seq = excluded.seq,
            applied_at_ms = excluded.applied_at_ms, heard_at_ms = excluded.heard_at_ms",
    ),
    decided: "INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict,
        cause, cause_event_id, cause_event, cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms,
        observed) VALUES ",
    observed: "UPDATE nodewarden_decisions SET completed_at_ms = $1, nodes = $2 WHERE number = $3",
    overtaken: (
        "UPDATE nodewarden_decisions SET completed_at_ms = $1
        WHERE completed_at_ms IS NULL AND (conductor_group, driver) IN (",
        ")",
    ),
    stand: (
        "INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms, decision) VALUES ",
        " ON CONFLICT (driver, conductor_group) DO UPDATE SET
        since_ms = CASE WHEN nodewarden_pairs.state = excluded.state THEN nodewarden_pairs.since_ms
            ELSE excluded.since_ms END, state = excluded.state,
        decision = coalesce(excluded.decision, nodewarden_pairs.decision)",
    ),
    lost_decision: "SELECT d.number, d.decision_id, d.decided_at_ms, d.verdict, d.observed, d.completed_at_ms
        FROM nodewarden_pairs p JOIN nodewarden_decisions d ON d.number = p.decision
        WHERE p.driver = $2 AND p.conductor_group = $1 AND p.state = 'lost'",
    decisions_of_pairs: (
        "SELECT p.conductor_group, p.driver, p.state, d.number, d.decision_id, d.decided_at_ms, d.verdict, d.observed,
            d.completed_at_ms, d.nodes
        FROM nodewarden_pairs p JOIN nodewarden_decisions d ON d.number = p.decision
        WHERE (p.conductor_group, p.driver) IN (",
        ")",
    ),
    count_nodes: (
        "UPDATE nodewarden_decisions SET nodes = nodes + CASE number",
        " END WHERE number IN (",
        ")",
    ),
    complete_each: (
        "UPDATE nodewarden_decisions SET completed_at_ms = $1 WHERE number IN (",
        ")",
    ),
    taken: "SELECT decision, min(seq) AS first, max(seq) AS last FROM nodewarden_changes
        WHERE seq > $1 AND seq <= $2 GROUP BY decision ORDER BY min(seq)",
    // By its number, whatever an index of those that are not complete promises.
    complete: "UPDATE nodewarden_decisions SET completed_at_ms = $1
        WHERE completed_at_ms + 0 IS NULL AND number =
        (SELECT decision FROM nodewarden_pairs WHERE driver = $3 AND conductor_group = $2)",
    completed: "SELECT d.decision_id, d.nodes FROM nodewarden_pairs p JOIN nodewarden_decisions d ON d.number = p.decision
        WHERE p.driver = $2 AND p.conductor_group = $1",
    announce: "INSERT INTO nodewarden_announcements (number, type, decision, reason, released_by,
        first_seq, last_seq, epoch, decided_at_ms, committed_at_ms, format) VALUES ",
    holds_window: "SELECT max(held) AS last, count(*) AS seen FROM (SELECT held FROM nodewarden_changes
        WHERE held > $1 ORDER BY held LIMIT $2) AS w",
    // The last hold of each decision that may have any is looked up: one row, where EXISTS may become a pass
    // over all.
    holding: "SELECT d.number FROM nodewarden_decisions d WHERE d.driver = $2 AND d.conductor_group = $1
        AND d.may_hold = 1 AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL
            ORDER BY c.held DESC LIMIT 1) > $3",
    holding_of_pairs: (
        "SELECT d.number, d.conductor_group, d.driver, (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1) AS last,
            (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1 OFFSET $1) AS beyond
        FROM nodewarden_decisions d WHERE d.may_hold = 1
        AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1) IS NOT NULL
        AND (d.conductor_group, d.driver) IN (",
        ")",
    ),
    holds_of_each: (
        "SELECT decision, count(*) AS nodes FROM nodewarden_changes WHERE held > '' AND decision IN (",
        ") GROUP BY decision",
    ),
    holds_of: (
        "SELECT held FROM (SELECT held FROM nodewarden_changes WHERE decision = ",
        " AND held > $1 ORDER BY held LIMIT $2) AS h",
    ),
    holds_window_of_pair: (
        "SELECT max(held) AS last, count(*) AS seen FROM (SELECT held FROM (",
        ") AS u ORDER BY held LIMIT $2) AS w",
    ),
    holds_no_more: (
        "UPDATE nodewarden_decisions SET may_hold = 0 WHERE number IN (
            SELECT d.number FROM nodewarden_decisions d WHERE d.may_hold = 1
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.decision = d.number)
            AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL
                ORDER BY c.held DESC LIMIT 1) IS NULL AND (d.conductor_group, d.driver) IN (",
        ") LIMIT 1000)",
    ),
    end_holds: "UPDATE nodewarden_changes SET held = NULL
        WHERE seq IN (SELECT ends FROM nodewarden_changes WHERE seq > $1 AND seq <= $2)",
    // What was lifted comes before all that returns, though both may be for the same reason: two runs.
    released: "SELECT c.decision, c.back, min(c.seq) AS first, max(c.seq) AS last, r.number AS released_by,
        r.decided_at_ms
        FROM nodewarden_changes c
        JOIN nodewarden_decisions d ON d.number = c.decision
        LEFT JOIN nodewarden_pairs p
            ON c.back = 'driver_restored' AND p.driver = d.driver AND p.conductor_group = d.conductor_group
        LEFT JOIN nodewarden_decisions r ON r.number = p.decision AND NOT r.observed
        WHERE c.seq > $1 AND c.seq <= $2
        GROUP BY c.decision, c.back, CASE WHEN c.lifted IS NULL THEN 0 ELSE 1 END, r.number, r.decided_at_ms
        ORDER BY min(c.seq)",
    complete_restored: "UPDATE nodewarden_decisions SET completed_at_ms = $1
        WHERE number IN (SELECT r.number FROM nodewarden_decisions r
            WHERE r.completed_at_ms IS NULL AND r.verdict = 'restored' AND NOT EXISTS (
                SELECT 1 FROM nodewarden_changes c JOIN nodewarden_decisions d ON d.number = c.decision
                WHERE c.held IS NOT NULL AND d.may_hold = 1 AND d.driver = r.driver
                AND d.conductor_group = r.conductor_group)
            ORDER BY r.number LIMIT $2)",
    restored_open: "SELECT count(*) AS decisions FROM nodewarden_decisions r
        WHERE r.completed_at_ms IS NULL AND r.verdict = 'restored' AND NOT EXISTS (
            SELECT 1 FROM nodewarden_decisions d JOIN nodewarden_changes c ON c.decision = d.number
            WHERE d.driver = r.driver AND d.conductor_group = r.conductor_group AND d.may_hold = 1
            AND c.held IS NOT NULL)",
    forget_unknown: "DELETE FROM nodewarden_pairs WHERE driver = $2 AND conductor_group = $1 AND state = 'lost'
        AND EXISTS (SELECT 1 FROM nodewarden_decisions u WHERE u.number = nodewarden_pairs.decision
            AND u.verdict = 'unknown')
        AND NOT EXISTS (SELECT 1 FROM nodewarden_decisions d WHERE d.driver = $2 AND d.conductor_group = $1
            AND d.may_hold = 1 AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL
                ORDER BY c.held DESC LIMIT 1) IS NOT NULL)",
    unwanted: "SELECT p.driver FROM nodewarden_pairs p JOIN nodewarden_decisions u ON u.number = p.decision
        WHERE p.driver = $2 AND p.conductor_group = $1 AND p.state = 'lost' AND u.verdict = 'unknown'
        AND NOT EXISTS (SELECT 1 FROM nodewarden_decisions d WHERE d.driver = $2 AND d.conductor_group = $1
            AND d.may_hold = 1 AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL
                ORDER BY c.held DESC LIMIT 1) IS NOT NULL)",
    forget_pair: "DELETE FROM nodewarden_pairs WHERE driver = $2 AND conductor_group = $1",
    drop_events: "DELETE FROM nodewarden_events WHERE number IN (SELECT number FROM nodewarden_events
        WHERE received_at_ms < $1 ORDER BY received_at_ms LIMIT $2)",
    drop_changes: "DELETE FROM nodewarden_changes WHERE seq IN (
        SELECT c.seq FROM nodewarden_changes c WHERE c.held IS NULL AND c.since_ms < $1 AND c.seq <= coalesce(
            (SELECT a.last_seq FROM nodewarden_announcements a
            WHERE a.number = (SELECT announced FROM nodewarden_relay WHERE id = 1)), 0)
        AND (c.lifted IS NULL OR NOT EXISTS (
            SELECT 1 FROM nodewarden_pairs p WHERE p.decision = c.decision AND p.state = 'lost'))
        ORDER BY c.since_ms LIMIT $2)",
    drop_announcements: "DELETE FROM nodewarden_announcements WHERE number IN (
        SELECT number FROM nodewarden_announcements WHERE committed_at_ms < $1
        AND number < (SELECT announced FROM nodewarden_relay WHERE id = 1) ORDER BY committed_at_ms LIMIT $2)",
    // Each candidate is looked up where a row that is kept may speak of it. Changes that are no holds are
    // kept no longer than their announcements.
    drop_decisions: "DELETE FROM nodewarden_decisions WHERE number IN (
        SELECT d.number FROM nodewarden_decisions d WHERE d.completed_at_ms < $1
        AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.decision = d.number)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_changes m WHERE m.marked = d.number)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_announcements a WHERE a.decision = d.number)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_announcements r WHERE r.released_by = d.number)
        ORDER BY d.completed_at_ms LIMIT $2)",
    // At most a hundred rows: no index is worth it.
    drop_receipt: "DELETE FROM nodewarden_receipts WHERE subscriber = $1",
    drop_receipts: "DELETE FROM nodewarden_receipts WHERE subscriber IN (
        SELECT subscriber FROM nodewarden_receipts WHERE heard_at_ms < $1
        ORDER BY heard_at_ms, subscriber LIMIT $2)",
    pause: "SELECT pause_id, reason, who, paused_at_ms, remaining_ms, noted_at_ms FROM nodewarden_pause WHERE id = 1",
    begin_pause: "INSERT INTO nodewarden_pause (id, pause_id, reason, who, paused_at_ms, remaining_ms, noted_at_ms)
        VALUES (1, $1, $2, $3, $4, $5, $4)",
    end_pause: "DELETE FROM nodewarden_pause WHERE id = 1 AND pause_id = $1",
    keep_pause: "UPDATE nodewarden_pause SET remaining_ms = $1, noted_at_ms = $2
        WHERE id = 1 AND pause_id = $3 AND remaining_ms IS NOT NULL",
    new_stream: "UPDATE nodewarden_state SET stream = $1, epoch = $2, commits = $3, holder = NULL WHERE id = 1",
    note_stream: "INSERT INTO nodewarden_streams (stream, previous, known_stream, known_epoch, known_seq, known_commits,
            found_epoch, found_seq, found_commits, waits_ms, began_at_ms)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, committed_at_ms, 0)
        FROM nodewarden_state WHERE id = 1",
    stream_after: "SELECT stream FROM nodewarden_streams WHERE previous = $1 OR known_stream = $1 LIMIT 1",
    stream_began: "SELECT stream, previous, began_at_ms, known_stream, known_epoch, known_seq, known_commits,
            found_epoch, found_seq, found_commits, waits_ms FROM nodewarden_streams
        WHERE stream = $1 AND known_stream IS NOT NULL",
    keep_waiting: "UPDATE nodewarden_streams SET waits_ms = $1 WHERE stream = $2",
    request: "INSERT INTO nodewarden_requests (kind, argument, requested_by, requested_at_ms) VALUES ($1, $2, $3, $4)",
    note_done: "INSERT INTO nodewarden_requests (kind, argument, requested_at_ms, done_at_ms, result)
        VALUES ($1, $2, $3, $3, $4)",
    request_number: Some("SELECT last_insert_rowid() AS number"),
    requests: "SELECT number, kind, argument FROM nodewarden_requests
        WHERE done_at_ms IS NULL AND kind = 'forget' ORDER BY number LIMIT 100",
    answer: "UPDATE nodewarden_requests SET done_at_ms = $1, result = $2 WHERE number = $3",
    forget: "DELETE FROM nodewarden_conductors WHERE conductor = $1 AND state IN ('left', 'timed_out')",
    forget_unheeded: "DELETE FROM nodewarden_unheeded WHERE conductor = $1
        AND NOT EXISTS (SELECT 1 FROM nodewarden_conductors c WHERE c.conductor = nodewarden_unheeded.conductor)",
    drop_requests: "DELETE FROM nodewarden_requests WHERE number IN (
        SELECT number FROM nodewarden_requests WHERE done_at_ms < $1 ORDER BY done_at_ms LIMIT $2)",
    pending: "SELECT a.number, a.type, a.reason, a.first_seq, a.last_seq, a.epoch, a.decided_at_ms, a.committed_at_ms,
        CASE WHEN a.type = 'node.out_of_service' THEN d.completed_at_ms ELSE r.completed_at_ms END AS completed_at_ms,
        a.format, d.decision_id, d.conductor_group, d.driver, d.last_good_at_ms, r.decision_id AS released_by,
        CASE WHEN a.type = 'node.out_of_service' THEN d.cause_event_id ELSE r.cause_event_id END AS cause_event_id,
        CASE WHEN a.type = 'node.out_of_service' THEN d.cause_event ELSE r.cause_event END AS cause_event,
        CASE WHEN a.type = 'node.out_of_service' THEN d.cause_conductor ELSE r.cause_conductor END AS cause_conductor,
        (SELECT stream FROM nodewarden_state WHERE id = 1) AS stream
        FROM nodewarden_announcements a
        LEFT JOIN nodewarden_decisions d ON d.number = a.decision
        LEFT JOIN nodewarden_decisions r ON r.number = a.released_by
        WHERE a.number > coalesce($1, (SELECT announced FROM nodewarden_relay WHERE id = 1))
        ORDER BY a.number LIMIT $2",
    announced_nodes: "SELECT seq, uuid, name FROM nodewarden_changes WHERE seq >= $1 AND seq <= $2 ORDER BY seq",
    // What was announced may be ahead of a database that went back meanwhile: its next numbers are others.
    announced: "UPDATE nodewarden_relay SET announced_at_ms = $2, announced = greatest(announced,
            least($1, (SELECT last_announcement FROM nodewarden_state WHERE id = 1)))
        WHERE id = 1 AND (SELECT epoch FROM nodewarden_state WHERE id = 1) = $3",
    position: "SELECT stream, epoch, commits, seq, last_announcement, holder, taken_at_ms,
        committed_at_ms, mode FROM nodewarden_state WHERE id = 1",
    // The first one is the oldest, however many wait behind it.
    outbox: "SELECT r.announced, r.announced_at_ms, (SELECT a.committed_at_ms FROM nodewarden_announcements a
            WHERE a.number > r.announced ORDER BY a.number LIMIT 1) AS oldest_ms
        FROM nodewarden_relay r WHERE r.id = 1",
    snapshot: "SELECT c.held AS uuid, c.name, d.conductor_group, d.driver, d.verdict, d.decision_id, c.since_ms
        FROM nodewarden_changes c JOIN nodewarden_decisions d ON d.number = c.decision
        WHERE c.held > $1 ORDER BY c.held LIMIT $2",
    list_holds: "SELECT c.held AS uuid, c.name, d.conductor_group AS held_group, d.driver AS held_driver,
        d.verdict, d.decision_id, d.cause, d.cause_event, d.cause_conductor, c.since_ms AS held_since_ms
        FROM nodewarden_changes c JOIN nodewarden_decisions d ON d.number = c.decision
        WHERE c.held > $1 ORDER BY c.held LIMIT $2",
    see_conductors: "SELECT conductor, incarnation, conductor_group, drivers, state, since_ms,
        heartbeat_timeout_ms, hold_remaining_ms, hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms, refused_why, refused_count,
        refused_since_ms, refused_last_ms, ignored_incarnation, ignored_count, ignored_since_ms, ignored_last_ms
        FROM nodewarden_conductors LEFT JOIN nodewarden_unheeded USING (conductor)
        ORDER BY conductor",
    see_conductors_of_group: "SELECT conductor, incarnation, conductor_group, drivers, state, since_ms,
        heartbeat_timeout_ms, hold_remaining_ms, hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms, refused_why, refused_count,
        refused_since_ms, refused_last_ms, ignored_incarnation, ignored_count, ignored_since_ms, ignored_last_ms
        FROM nodewarden_conductors LEFT JOIN nodewarden_unheeded USING (conductor)
        WHERE conductor_group = $1 ORDER BY conductor",
    see_pairs: "SELECT p.conductor_group, p.driver, p.state, p.since_ms, d.number, d.decision_id, d.verdict, d.cause,
        d.cause_event_id, d.cause_event, d.cause_conductor, d.last_good_at_ms, d.epoch, d.decided_at_ms,
        d.completed_at_ms, d.nodes, d.observed
        FROM nodewarden_pairs p LEFT JOIN nodewarden_decisions d ON d.number = p.decision",
    see_pair: "SELECT p.conductor_group, p.driver, p.state, p.since_ms, d.number, d.decision_id, d.verdict, d.cause,
        d.cause_event_id, d.cause_event, d.cause_conductor, d.last_good_at_ms, d.epoch, d.decided_at_ms,
        d.completed_at_ms, d.nodes, d.observed
        FROM nodewarden_pairs p LEFT JOIN nodewarden_decisions d ON d.number = p.decision
        WHERE p.driver = $2 AND p.conductor_group = $1",
    see_hold: "SELECT since_ms, decision FROM nodewarden_changes WHERE held = $1",
    see_last_change: "SELECT since_ms, back FROM nodewarden_changes WHERE uuid = $1 ORDER BY seq DESC LIMIT 1",
    see_decision: "SELECT number, decision_id, conductor_group, driver, verdict, cause, cause_event_id,
        cause_event, cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes, observed
        FROM nodewarden_decisions WHERE number = $1",
    see_decisions: "SELECT number, decision_id, conductor_group, driver, verdict, cause, cause_event_id,
        cause_event, cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes, observed
        FROM nodewarden_decisions ORDER BY number DESC LIMIT $1",
    past_decisions: "SELECT number, decision_id, conductor_group, driver, verdict, cause, cause_event_id,
        cause_event, cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes, observed
        FROM nodewarden_decisions WHERE number < $1 ORDER BY number DESC LIMIT $2",
    past_requests: "SELECT number, kind, argument, requested_by, requested_at_ms, result FROM nodewarden_requests
        WHERE number < $1 ORDER BY number DESC LIMIT $2",
    see_observed: "SELECT verdict, count(*) AS decisions, coalesce(sum(nodes), 0) AS nodes FROM nodewarden_decisions
        WHERE observed AND decided_at_ms > $1 GROUP BY verdict",
    see_request: "SELECT done_at_ms, result FROM nodewarden_requests WHERE number = $1",
    see_receipts: "SELECT r.subscriber, r.stream, r.seq, r.applied_at_ms, r.heard_at_ms,
        (SELECT c.since_ms FROM nodewarden_changes c
            WHERE c.seq = CASE WHEN r.seq < 9007199254740992 THEN r.seq + 1 END) AS next_ms
        FROM nodewarden_receipts r ORDER BY r.subscriber",
    see_change: "SELECT c.since_ms, CASE WHEN c.back IS NULL THEN d.decided_at_ms ELSE r.decided_at_ms END AS decided_at_ms,
        CASE WHEN c.back IS NULL THEN d.completed_at_ms ELSE r.completed_at_ms END AS completed_at_ms
        FROM nodewarden_changes c JOIN nodewarden_decisions d ON d.number = c.decision
        LEFT JOIN nodewarden_pairs p
            ON c.back = 'driver_restored' AND p.driver = d.driver AND p.conductor_group = d.conductor_group
        LEFT JOIN nodewarden_decisions r ON r.number = p.decision AND r.verdict = 'restored' AND NOT r.observed
        WHERE c.seq = $1",
    count_holds: "SELECT s.seq, d.conductor_group, d.driver, h.nodes FROM nodewarden_state s
        LEFT JOIN (SELECT decision, count(*) AS nodes FROM nodewarden_changes WHERE held IS NOT NULL GROUP BY decision)
            AS h ON 1 = 1
        LEFT JOIN nodewarden_decisions d ON d.number = h.decision WHERE s.id = 1",
    keep_counts: (
        "INSERT INTO nodewarden_counts (conductor_group, driver, nodes, held) VALUES ",
        " ON CONFLICT (driver, conductor_group) DO UPDATE SET nodes = excluded.nodes, held = excluded.held",
    ),
    fold_counts: (
        "INSERT INTO nodewarden_counts (conductor_group, driver, nodes, held) VALUES ",
        " ON CONFLICT (driver, conductor_group) DO UPDATE SET held = nodewarden_counts.held + excluded.held",
    ),
    drop_counts: "DELETE FROM nodewarden_counts WHERE nodes = 0 AND held = 0",
    keep_counted: "INSERT INTO nodewarden_counted (id, counted_at_ms, nodes, held, seq) VALUES (1, $1, $2, $3, $4)
        ON CONFLICT (id) DO UPDATE SET counted_at_ms = excluded.counted_at_ms, nodes = excluded.nodes,
            held = excluded.held, seq = excluded.seq",
    fold_counted: "UPDATE nodewarden_counted SET held = $1, seq = $2 WHERE id = 1",
    see_counted: "SELECT counted_at_ms, nodes, held, seq FROM nodewarden_counted WHERE id = 1",
    see_counts: "SELECT conductor_group, driver, nodes, held FROM nodewarden_counts",
    moved: "SELECT d.conductor_group, d.driver, m.nodes FROM (
            SELECT decision, count(CASE WHEN back IS NULL THEN 1 END) - count(back) AS nodes
            FROM nodewarden_changes WHERE seq > $1 AND seq <= $2 GROUP BY decision) AS m
        JOIN nodewarden_decisions d ON d.number = m.decision",
    unknown_pairs: "SELECT c.conductor_group, c.driver FROM nodewarden_counts c WHERE c.nodes > 0 AND NOT EXISTS (
            SELECT 1 FROM nodewarden_pairs p WHERE p.driver = c.driver AND p.conductor_group = c.conductor_group)
        ORDER BY 1, 2 LIMIT $1",
};
