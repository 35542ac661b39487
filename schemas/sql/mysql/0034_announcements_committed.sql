-- What retention and looks ask for, found without passing over all that is kept.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_announcements_committed ON nodewarden_announcements (committed_at_ms)
