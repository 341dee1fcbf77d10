-- What a vehicle looks like, and the same as numbers, made once when the row is written, for search by distance.
ALTER TABLE sightings ADD COLUMN IF NOT EXISTS looks String CODEC(ZSTD) AFTER colour_confidence;

ALTER TABLE sightings ADD COLUMN IF NOT EXISTS looks_vector Array(Int8) MATERIALIZED
    arrayMap(i -> reinterpretAsInt8(substring(base64Decode(looks), i, 1)), range(1, length(base64Decode(looks)) + 1))
    CODEC(ZSTD) AFTER stored_at;

DROP VIEW IF EXISTS sightings_current;

CREATE VIEW IF NOT EXISTS sightings_current AS
SELECT *, first_at, last_at, captured_at, received_at, emitted_at
FROM sightings FINAL;
