"""A model checker: every order of events of a few jobs and workers, played on the real fold and decisions."""
