"""Tables, files and the model registry."""
