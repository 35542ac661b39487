-- With 1,000 pairs, 100,000 holds and 100,000 decisions: recording a decision looked at every one
-- of the others (15 ms), and giving a pair's nodes back at every hold of all pairs (1 s).

-- The decisions of a pair, and those that are not complete.
CREATE INDEX nodewarden_decisions_pair
    ON nodewarden_decisions (driver, conductor_group, completed_at_ms);

-- The holds of a decision.
CREATE INDEX nodewarden_changes_holds
    ON nodewarden_changes (decision, held) WHERE held IS NOT NULL;
