"""The handler of the workers in Python; compat-job.ts is the same."""

import asyncio

from bullmq import Job
from redis.asyncio import Redis


async def run_compat_job(ledger: Redis, worker: str, queue: str, job: Job) -> None:
    data = job.data

    async def note(event: str) -> None:
        await ledger.xadd("compat:runs", {"worker": worker, "queue": queue, "key": data["key"], "event": event})

    await note("start")
    await asyncio.sleep(data["runMs"] / 1000)
    if job.attemptsMade < data["failTimes"]:
        raise RuntimeError("planned failure")
    await note("effect")
