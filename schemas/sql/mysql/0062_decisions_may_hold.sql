-- A pair that was lost again and again has many decisions, of which one or two hold anything.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_decisions_may_hold
    ON nodewarden_decisions (driver, conductor_group, may_hold)
