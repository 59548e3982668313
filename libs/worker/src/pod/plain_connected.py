# A worker of BullMQ's Python package that connects as docs/redis-topologies.md says.
import asyncio
import json
import os

from bullmq import Worker
from plain_connection import connection


async def work(job, token):
    return "by Python"


async def main():
    served = json.loads(os.environ["RQ_QUEUES"])[0]
    worker = Worker(served["name"], work, {"connection": connection(), "prefix": served["prefix"]})
    worker.on("error", lambda error, *_: print(repr(error), flush=True))
    await asyncio.Event().wait()


asyncio.run(main())
