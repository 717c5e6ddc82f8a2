"""What a first start needs; repeating it does no harm."""

from __future__ import annotations

import shutil

from app.config import CHECKOUT
from app.services.wiring import Services
from app.store.db import db


def initialise(services: Services) -> None:
    """Create the tables, put the demonstration models in place, record new bundles, put right what was cut off."""
    db.create_all()
    for classifier in services.catalog:
        demo, place = CHECKOUT / "models" / classifier / "1", services.registry.root / classifier / "1"
        if demo.is_dir() and not place.exists():
            with services.registry.staging(classifier) as folder:
                shutil.copytree(demo, folder, dirs_exist_ok=True)
                folder.rename(place)
        services.registry.adopt(classifier)
    services.jobs.sweep()
