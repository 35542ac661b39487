-- 0: the decision holds nothing and never will: it is not its pair's last, which alone takes nodes. 1: it may.
ALTER TABLE nodewarden_decisions ADD COLUMN IF NOT EXISTS may_hold SMALLINT NOT NULL DEFAULT 1;

-- A pair that was lost again and again has many decisions, of which one or two hold anything.
CREATE INDEX IF NOT EXISTS nodewarden_decisions_may_hold
    ON nodewarden_decisions (driver, conductor_group, may_hold) WHERE may_hold = 1;
