"""The use cases, where the modules of this package look for them."""

from app.context import services

__all__ = ["services"]
