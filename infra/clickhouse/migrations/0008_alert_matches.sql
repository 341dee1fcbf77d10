-- What an alert rests on beside a plain look-up: how it matched, its episode, its other half, and the leave for it.
-- They stand before occurred_at, as in the Avro record.
ALTER TABLE alerts
    ADD COLUMN IF NOT EXISTS matched LowCardinality(String) AFTER ordinal,
    ADD COLUMN IF NOT EXISTS differences String CODEC(ZSTD) AFTER matched,
    ADD COLUMN IF NOT EXISTS list LowCardinality(String) AFTER differences,
    ADD COLUMN IF NOT EXISTS camera_group LowCardinality(String) AFTER list,
    ADD COLUMN IF NOT EXISTS sightings Int32 AFTER camera_group,
    ADD COLUMN IF NOT EXISTS last_seen_ms Int64 CODEC(Delta, ZSTD) AFTER sightings,
    ADD COLUMN IF NOT EXISTS last_camera_id LowCardinality(String) AFTER last_seen_ms,
    ADD COLUMN IF NOT EXISTS other_camera_id LowCardinality(String) AFTER last_camera_id,
    ADD COLUMN IF NOT EXISTS other_sighting_id String CODEC(ZSTD) AFTER other_camera_id,
    ADD COLUMN IF NOT EXISTS other_plate String CODEC(ZSTD) AFTER other_sighting_id,
    ADD COLUMN IF NOT EXISTS person_id String CODEC(ZSTD) AFTER other_plate,
    ADD COLUMN IF NOT EXISTS authorisation_id String CODEC(ZSTD) AFTER person_id;

DROP VIEW IF EXISTS alerts_current;

CREATE VIEW IF NOT EXISTS alerts_current AS
SELECT *, occurred_at, captured_at, received_at, raised_at
FROM alerts FINAL;
