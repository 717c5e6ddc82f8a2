"""A client of Fovea's HTTP interface. It needs httpx alone; see docs/client.md."""

from fovea_client.client import Answers, Client
from fovea_client.errors import FoveaError, JobFailed, Problem, Unreachable
from fovea_client.jobs import Job
from fovea_client.uploads import Image

__all__ = ["Answers", "Client", "FoveaError", "Image", "Job", "JobFailed", "Problem", "Unreachable"]
