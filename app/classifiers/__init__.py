"""The lowest layer: the typed form of a classifier's YAML file, and the card of a trained bundle."""

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec

__all__ = ["Card", "Catalog", "ClassifierSpec"]
