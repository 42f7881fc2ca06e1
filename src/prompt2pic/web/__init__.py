"""The process that serves the page and the HTTP API."""
