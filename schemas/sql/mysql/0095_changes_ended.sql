-- With the decision of each hold, so that a sweep needs no row of it.
ALTER TABLE nodewarden_changes DROP INDEX nodewarden_changes_ended,
    ADD INDEX nodewarden_changes_ended (held, since_ms, decision)
