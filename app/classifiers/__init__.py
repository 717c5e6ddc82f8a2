"""Floor 0: what a classifier is. One YAML file each, typed and validated; and the card of a trained bundle."""

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec

__all__ = ["Card", "Catalog", "ClassifierSpec"]
