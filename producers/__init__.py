"""Programs that bring frames and signals into Kafka."""
