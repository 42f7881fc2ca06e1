"""The process that takes jobs from the log, paints them and stores the pictures."""
