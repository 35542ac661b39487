-- What retention and looks ask for, found without passing over all that is kept.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_pairs_decision ON nodewarden_pairs (decision)
