"""What devices beside the road send: checked, acknowledged by Kafka, then answered (docs/edge.md)."""
