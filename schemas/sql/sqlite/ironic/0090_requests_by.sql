-- Who asked, for the history: user@host; NULL where an older command asked.
ALTER TABLE nodewarden_requests ADD COLUMN requested_by TEXT;
