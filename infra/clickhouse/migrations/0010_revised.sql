-- When a replay changed a violation; 0 for what the stream said first.
ALTER TABLE violations ADD COLUMN IF NOT EXISTS revised_ms Int64 CODEC(Delta, ZSTD) AFTER models;

DROP VIEW IF EXISTS violations_current;

CREATE VIEW IF NOT EXISTS violations_current AS
SELECT *, occurred_at
FROM violations FINAL;
