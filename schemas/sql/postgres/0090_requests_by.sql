-- Who asked, for the history: user@host; NULL where an older command asked.
ALTER TABLE nodewarden_requests ADD COLUMN IF NOT EXISTS requested_by TEXT;
