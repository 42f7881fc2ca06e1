"""The queue over the log: pure code that knows no network, no clock and no settings."""
