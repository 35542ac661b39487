-- What retention and looks ask for, found without passing over all that is kept.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_changes_marked ON nodewarden_changes (marked)
