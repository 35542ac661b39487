-- What retention and looks ask for, found without passing over all that is kept.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_decisions_completed ON nodewarden_decisions (completed_at_ms)
