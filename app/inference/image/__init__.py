"""From the bytes of a photograph to a square of pixels, and what can be measured on it."""
