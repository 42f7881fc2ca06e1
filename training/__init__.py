"""How the built-in model was made: every stage, re-runnable, from public packages to the shipped weights."""
