"""How long a running job still needs."""

from __future__ import annotations

from app.store.tables import Job


def eta_seconds(job: Job) -> float | None:
    """Estimate the seconds a running job still needs, from the rate measured in its present stage.

    It is that of the last report, so it stays until the next one; None when it is too early to say.
    """
    if job.status != "running" or job.stage_at is None or job.heartbeat_at is None or job.percent <= job.stage_percent:
        return None
    elapsed = (job.heartbeat_at - job.stage_at).total_seconds()
    return round(elapsed * (100 - job.percent) / (job.percent - job.stage_percent), 1)
