-- What retention and looks ask for, found without passing over all that is kept.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_changes_ended ON nodewarden_changes (held, since_ms)
