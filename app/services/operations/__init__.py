"""Owns the running of the service: monitoring, retention, backups, webhooks and API keys."""
