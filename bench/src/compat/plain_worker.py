"""A worker per queue, as the documentation of BullMQ's Python package writes it."""

import asyncio
import json
import os
import signal

from bullmq import Worker
from redis.asyncio import Redis

from compat_job import run_compat_job


async def main() -> None:
    url, name = os.environ["REDIS_URL"], os.environ["RQ_POD_NAME"]
    locks = json.loads(os.environ["WORKER_LOCKS"])
    redis = Redis.from_url(url, decode_responses=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)

    def worker_of(queue: str, prefix: str) -> Worker:
        async def process(job, _token):
            await run_compat_job(redis, name, queue, job)

        options = {
            "connection": url,
            "prefix": prefix,
            "name": name,
            "concurrency": int(os.environ["RQ_CONCURRENCY"]),
            "maxStalledCount": 3,
            "lockDuration": locks["durationMs"],
            "lockRenewTime": locks["renewMs"],
            "stalledInterval": locks["searchMs"],
        }
        return Worker(queue, process, options)

    workers = [worker_of(each["name"], each["prefix"]) for each in json.loads(os.environ["RQ_QUEUES"])]
    print("ready")
    await stopped.wait()
    await asyncio.gather(*(worker.close() for worker in workers))
    await redis.aclose()


asyncio.run(main())
