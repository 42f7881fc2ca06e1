"""The log: append-only, ordered, durable records in topics and partitions."""
