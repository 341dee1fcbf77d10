"""Topics and Avro schemas (data)."""
