"""Chaos: many people ask while processes are killed, paused and restarted at random; then the log is read."""
