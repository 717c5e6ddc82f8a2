"""The Celery app and thin tasks; each takes a job's id and calls one use case."""
