"""How Fovea is served: gunicorn's settings, and what they need."""
