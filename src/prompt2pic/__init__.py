"""Pictures from words, through a durable log."""

__version__ = "0.1.0"
