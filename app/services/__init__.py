"""The use cases, in packages by domain; `wiring` puts them together. No Flask, no Celery."""
