-- What retention and looks ask for, found without passing over all that is kept.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_announcements_decision ON nodewarden_announcements (decision)
