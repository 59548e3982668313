"""Adds jobs with BullMQ's Python package; producer.ts does the same."""

import asyncio
import json
import os

from bullmq import Queue
from redis.asyncio import Redis


def options_of(n: int) -> tuple[int, int, dict]:
    """As optionsOf of mix.ts."""
    options: dict = {"attempts": 3}
    if n % 5 == 1:
        options["delay"] = 500
    if n % 5 == 2:
        options["priority"] = 1 + n % 3
    return 10 + (n % 7) * 20, 1 if n % 11 == 0 else 0, options


async def main() -> None:
    url, producer = os.environ["REDIS_URL"], os.environ["PRODUCER"]
    jobs, over_ms = int(os.environ["PRODUCER_JOBS"]), int(os.environ["PRODUCER_MS"])
    redis = Redis.from_url(url, decode_responses=True)
    served = json.loads(os.environ["RQ_QUEUES"])
    queues = [Queue(each["name"], {"connection": url, "prefix": each["prefix"]}) for each in served]
    for n in range(jobs):
        queue = queues[n % len(queues)]
        key = f"{producer}-{n}"
        run_ms, fail_times, options = options_of(n)
        await redis.xadd("compat:added", {"queue": queue.name, "key": key})
        await queue.add("job", {"key": key, "runMs": run_ms, "failTimes": fail_times}, options)
        await asyncio.sleep(over_ms / jobs / 1000)
    for queue in queues:
        await queue.close()
    await redis.aclose()


asyncio.run(main())
