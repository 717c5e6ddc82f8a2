"""Floor 3: tables, files and the model registry."""
