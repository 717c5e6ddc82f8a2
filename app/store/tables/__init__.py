"""The tables."""

from __future__ import annotations

from app.store.tables.classifiers import StoredClassifier
from app.store.tables.curation import DatasetChange, ImageChange, ImageTag, RemovedImage
from app.store.tables.datasets import (
    CORRECTION,
    AuditReport,
    Compared,
    DatasetVersion,
    Image,
    NearDuplicate,
    RejectedFile,
)
from app.store.tables.jobs import Job, JobChunk, JobEvent, JobItem, RequestKey
from app.store.tables.models import AliasMove, ChallengerTraffic, ModelVersion, ShadowAnswer, TrafficMode
from app.store.tables.outside import ApiKey, AuditEntry, Delivery, Session
from app.store.tables.predictions import Counted, Prediction, PredictionHour, Review

__all__ = [
    "CORRECTION",
    "AliasMove",
    "ApiKey",
    "AuditEntry",
    "AuditReport",
    "ChallengerTraffic",
    "Compared",
    "Counted",
    "DatasetChange",
    "DatasetVersion",
    "Delivery",
    "Image",
    "ImageChange",
    "ImageTag",
    "Job",
    "JobChunk",
    "JobEvent",
    "JobItem",
    "ModelVersion",
    "NearDuplicate",
    "Prediction",
    "PredictionHour",
    "RejectedFile",
    "RemovedImage",
    "RequestKey",
    "Review",
    "Session",
    "ShadowAnswer",
    "StoredClassifier",
    "TrafficMode",
]
