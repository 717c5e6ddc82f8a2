"""The Celery app and its tasks; each takes the id of a job and calls one use case."""
