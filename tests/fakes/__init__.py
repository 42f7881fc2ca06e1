"""Stand-ins written by hand, one for each port that tests can do without."""
