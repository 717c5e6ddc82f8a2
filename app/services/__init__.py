"""Floor 4: the use cases. No Flask, no Celery."""
