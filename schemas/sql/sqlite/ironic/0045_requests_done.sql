-- Requests that are not answered, and those that are old, found without passing over all that is kept.
CREATE INDEX IF NOT EXISTS nodewarden_requests_done
    ON nodewarden_requests (done_at_ms);
