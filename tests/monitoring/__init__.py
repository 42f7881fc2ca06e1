"""Prometheus, Alertmanager and dashboards over the product at work."""
