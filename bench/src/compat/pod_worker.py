"""A pod as examples/python-worker makes it."""

import json
import os

import pod
from pod import queue_loop

from compat_job import run_compat_job

locks = json.loads(os.environ["WORKER_LOCKS"])
queue_loop.LOCK_OPTIONS.update(
    lockDuration=locks["durationMs"], lockRenewTime=locks["renewMs"], stalledInterval=locks["searchMs"]
)


def handler_of(queue: str):
    async def handler(job: pod.Job, redis: pod.Redis) -> None:
        await run_compat_job(redis, os.environ["RQ_POD_NAME"], queue, job)

    return handler


print("ready", flush=True)
pod.run({each["queue"]: handler_of(each["name"]) for each in json.loads(os.environ["RQ_QUEUES"])})
