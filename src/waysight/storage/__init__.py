"""Records as ClickHouse tables: migrations, columns, rows."""
