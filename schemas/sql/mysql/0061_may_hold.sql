-- 0: the decision holds nothing and never will: it is not its pair's last, which alone takes nodes. 1: it may.
ALTER TABLE nodewarden_decisions ADD COLUMN /*M! IF NOT EXISTS */ may_hold SMALLINT NOT NULL DEFAULT 1
