"""A pod of three queues for the tests: jobs sleep, and note how many ran at once and which finished."""

import asyncio
import time

import pod

running = 0

# As another pod does that finds the job stalled.
COMES_BACK = """
local function key(name) return 'bull:a:' .. name end
redis.call('DEL', key(ARGV[1] .. ':lock'))
redis.call('LREM', key('active'), 1, ARGV[1])
redis.call('LPUSH', key('wait'), ARGV[1])
redis.call('ZADD', key('marker'), 0, '0')
"""


async def work(job: pod.Job, redis: pod.Redis) -> None:
    global running
    if job.data.get("comesBackAtItsEnd") and await redis.incr(f"runs-of:{job.id}") == 1:
        await redis.eval(COMES_BACK, 0, job.id)
        return
    running += 1
    try:
        await redis.zadd("running-at-once", {"pod": running}, gt=True)
        time.sleep(job.data.get("blockMs", 0) / 1000)
        await asyncio.sleep(job.data["runMs"] / 1000)
        if job.data.get("cancels"):
            await of_a_task_that_is_cancelled()
        if job.attemptsMade < job.data.get("failTimes", 0):
            raise RuntimeError("planned failure")
        await redis.hincrby("finished", f"{job.queueQualifiedName}:{job.id}", 1)
    finally:
        running -= 1


async def of_a_task_that_is_cancelled() -> None:
    task = asyncio.ensure_future(asyncio.sleep(600))
    task.cancel()
    await task


async def ignores_cancellation(job: pod.Job, _redis: pod.Redis) -> None:
    while True:
        try:
            await asyncio.sleep(job.data["runMs"] / 1000)
            return
        except asyncio.CancelledError:
            pass


pod.run({"a": work, "b": work, "c": ignores_cancellation})
