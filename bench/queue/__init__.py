"""This queue over Kafka against Kafka's own ways of sharing out work, all on one cluster in one run."""
