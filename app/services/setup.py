"""What a first start needs; repeating it does no harm."""

from __future__ import annotations

import shutil

from app.config import CHECKOUT
from app.services.wiring import Services
from app.store import migrations


def initialise(services: Services) -> None:
    """Bring the database up to date, put the demonstration models in place, record new bundles, mend what broke."""
    migrations.upgrade()
    for classifier in services.catalog:
        demo, place = CHECKOUT / "models" / classifier / "1", services.registry.root / classifier / "1"
        row = services.registry.versions(classifier).get(1)
        if demo.is_dir() and not place.exists() and (row is None or row.bundle is None):
            with services.registry.staging(classifier) as folder:
                shutil.copytree(demo, folder, dirs_exist_ok=True)
                folder.rename(place)
        services.registry.adopt(classifier)
    services.tidy.sweep()
    services.jobs.sweep()
