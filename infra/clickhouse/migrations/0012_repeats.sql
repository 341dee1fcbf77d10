-- Which earlier fine makes an offence a repeated one.
ALTER TABLE fines ADD COLUMN IF NOT EXISTS repeat_of String CODEC(ZSTD) AFTER caveats;

DROP VIEW IF EXISTS fines_current;

CREATE VIEW IF NOT EXISTS fines_current AS
SELECT *, occurred_at, issued_at
FROM fines FINAL;
