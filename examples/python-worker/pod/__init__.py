"""Makes a Python process a good pod of a WorkerPool: reads the pod contract, shares slots, serves the probes, drains.

The counterpart of @redis-queue/worker, for the version of BullMQ's Python package in requirements.txt. Copy this
folder; README.md says what it does not do.
"""

from bullmq import Job
from redis.asyncio import Redis

from .pod import run

__all__ = ["Job", "Redis", "run"]
