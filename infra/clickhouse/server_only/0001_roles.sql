-- For a real server: run once by an administrator with access management, after the migrations.
-- Never run on the local engine, which has no access storage.
CREATE ROLE IF NOT EXISTS waysight_store;
CREATE ROLE IF NOT EXISTS waysight_reader;
CREATE ROLE IF NOT EXISTS waysight_dashboards;

-- The store only adds rows: what is in the tables ends by retention, not by hand.
GRANT SELECT, INSERT ON waysight.* TO waysight_store;
GRANT SELECT ON waysight.* TO waysight_reader;

-- Dashboards see aggregates and states, never a plate, an owner or a picture.
GRANT SELECT ON waysight.counts TO waysight_dashboards;
GRANT SELECT ON waysight.counts_current TO waysight_dashboards;
GRANT SELECT ON waysight.camera_health TO waysight_dashboards;
GRANT SELECT ON waysight.camera_health_current TO waysight_dashboards;
GRANT SELECT(offence, camera_id, occurred_ms, occurred_at, stored_at) ON waysight.violations_current TO waysight_dashboards;
GRANT SELECT(kind, status, camera_id, occurred_ms, occurred_at, captured_ms, stored_at) ON waysight.alerts_current TO waysight_dashboards;
GRANT SELECT(offence, status, amount, currency, occurred_at, issued_at) ON waysight.fines_current TO waysight_dashboards;
GRANT SELECT(camera_id, label, first_ms, first_at, final) ON waysight.sightings_current TO waysight_dashboards;

CREATE SETTINGS PROFILE IF NOT EXISTS waysight_report SETTINGS readonly = 1, max_execution_time = 60, max_memory_usage = 4000000000 TO waysight_reader, waysight_dashboards;
