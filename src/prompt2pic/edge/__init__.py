"""What the processes at the edge share: the queue in an event loop, intake, forgetting, the shelf of old jobs."""
