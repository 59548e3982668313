import asyncio
import time
from typing import Any, Awaitable, Callable
from uuid import uuid4

from bullmq import Job, Worker
from bullmq.custom_errors import DelayedError
from redis.asyncio import Redis

from .log import log
from .slots import Slots

# Runs one job. What it returns is the job's result; what it raises fails the attempt, except CancelledError, which
# hands the job back.
Handler = Callable[[Job, Redis], Awaitable[Any]]

# How a pod holds its jobs, as @redis-queue/worker does: those of a killed pod run elsewhere within half a minute.
LOCK_OPTIONS = {"lockDuration": 24_000, "lockRenewTime": 4_000, "stalledInterval": 4_000, "maxStalledCount": 3}
RETRY_SECONDS = 1
# How long to wait at most before looking for jobs anyway: BullMQ's own drainDelay.
FETCH_ANYWAY_SECONDS = 5
# A fetch is one round trip, and a wait takes at most 10 s; a loop that takes much longer hangs.
STUCK_SECONDS = 60
# How long a handler has to end once it was cancelled because its time was over, and as long as its time at most.
MAX_GRACE_SECONDS = 5


class QueueLoop:
    """Serves one queue: takes a slot, fetches a job, runs it, and repeats. Without ready jobs it waits without a slot.

    BullMQ's own loop has a limit per queue, and stops renewing locks when it closes while jobs run, so it is not used.
    """

    def __init__(
        self,
        queue: dict[str, Any],
        pod_name: str,
        slots: Slots,
        redis: Redis,
        options: dict[str, Any],
        handler: Handler,
    ) -> None:
        self.queue = queue["queue"]
        self.key = f"{queue['prefix']}:{queue['name']}"
        timeout_ms = queue.get("jobTimeoutMs")
        self.timeout_seconds = timeout_ms / 1000 if timeout_ms else None
        self.pod_name, self.slots, self.redis, self.handler = pod_name, slots, redis, handler
        self.step, self.since = "slot", time.monotonic()
        self.stopping = self.cancelled = self.fetching = False
        self.hand_back = asyncio.Event()
        self.handlers: dict[str, asyncio.Task] = {}  # by job id
        self.runs: set[asyncio.Task] = set()
        self.worker = Worker(
            queue["name"],
            self._process,
            {
                "connection": dict(options),
                "prefix": queue["prefix"],
                "name": pod_name,
                **LOCK_OPTIONS,
                "autorun": False,
            },
        )
        self.worker.on("error", lambda error, *_: log("warn", f"queue {self.queue}: {error}"))
        self.worker.on("lockRenewalFailed", self._stop_jobs)  # another pod may run them by now

    async def serve(self) -> None:
        self.worker.lockManager.start()
        checks = asyncio.ensure_future(self._check_for_stalled_jobs())
        try:
            while not self.stopping:
                self._at("slot")
                await self.slots.take(self.queue)
                job = None
                try:
                    self._at("fetch")
                    job = await self._fetch()
                finally:
                    if job is None:
                        self.slots.release()
                if job:
                    self._start(job)
                elif not self.stopping:
                    self._at("wait")
                    await self._wait_for_work()
        except asyncio.CancelledError:
            pass  # stopped while it waited
        finally:
            checks.cancel()
        while self.runs:
            await asyncio.wait(self.runs)

    def stop(self, loop: asyncio.Task) -> None:
        """Stops fetching. A fetch under way still brings its job, which would be stuck until its lock ends."""
        self.stopping = True
        if self.step != "fetch":
            loop.cancel()

    def cancel_jobs(self) -> None:
        """Cancels handlers: the jobs of those that let CancelledError through are handed back."""
        self.cancelled = True
        self._stop_jobs(list(self.handlers))

    def stuck(self) -> bool:
        return self.step != "slot" and time.monotonic() - self.since > STUCK_SECONDS

    def _at(self, step: str) -> None:
        self.step, self.since = step, time.monotonic()

    async def _fetch(self) -> Job | None:
        try:
            job = await self.worker.moveToActive(f"{self.worker.id}:{uuid4().hex}")
            self.fetching = True
            return job
        except Exception as error:  # noqa: BLE001 - whatever Redis answers, all we can do is fetch again
            self.fetching = False
            log("warn", f"queue {self.queue}: cannot fetch jobs, trying again: {error}")
            await asyncio.sleep(RETRY_SECONDS)
            return None

    def _start(self, job: Job) -> None:
        run = asyncio.ensure_future(self._run_jobs(job))
        self.runs.add(run)
        run.add_done_callback(self.runs.discard)

    async def _run_jobs(self, job: Job) -> None:
        """Runs a job and, as long as no other queue needs the slot, the next jobs of the queue."""
        try:
            while job:
                await self.worker.processJob(job, job.token)
                if self.stopping or self.slots.contended_beside(self.queue):
                    # the end of a job makes room under a global concurrency: somebody has to fetch
                    return await self._wake_another()
                job = await self._fetch()
        finally:
            self.slots.release()

    async def _wait_for_work(self) -> None:
        limited_ms = self.worker.limitUntil
        if limited_ms > 0:
            await asyncio.sleep(min(limited_ms / 1000, FETCH_ANYWAY_SECONDS))
            return
        try:
            await self.worker.waitForJob()  # a marker wakes one of the waiting workers, at most 10 s from now
        except Exception as error:  # noqa: BLE001
            log("warn", f"queue {self.queue}: cannot wait for jobs, trying again: {error}")
            await asyncio.sleep(RETRY_SECONDS)
            return
        if self.slots.none_free():
            await self._wake_another()

    async def _wake_another(self) -> None:
        try:
            await self.redis.zadd(f"{self.key}:marker", {"0": 0})
        except Exception as error:  # noqa: BLE001 - they fetch by themselves after a while
            log("warn", f"queue {self.queue}: cannot wake another pod: {error}")

    async def _check_for_stalled_jobs(self) -> None:
        while True:
            await self.worker.runStalledJobsCheck()
            await asyncio.sleep(LOCK_OPTIONS["stalledInterval"] / 1000)

    def _stop_jobs(self, ids: list[str]) -> None:
        for job_id in ids:
            if job_id in self.handlers:
                self.handlers[job_id].cancel()

    async def _process(self, job: Job, token: str) -> Any:
        """BullMQ calls this for a job. It runs the handler to its end, or until the drain hands the job back."""
        await self._record_who_runs(job)
        handler = asyncio.ensure_future(self.handler(job, self.redis))
        self.handlers[job.id] = handler
        if self.cancelled:
            handler.cancel()
        handed_back = asyncio.ensure_future(self.hand_back.wait())
        try:
            over, _ = await asyncio.wait(
                {handler, handed_back}, timeout=self.timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if not over:
                return await self._time_is_over(handler)
            if handler.done() and not handler.cancelled():
                return handler.result()
        finally:
            handed_back.cancel()
            del self.handlers[job.id]
        try:
            await job.moveToDelayed(int(time.time() * 1000), token)  # due at once, and no attempt is counted
            log("info", f"queue {self.queue}: handed job {job.id} back")
        except Exception as error:  # noqa: BLE001 - if raised, it would fail the job; so the lock expires instead
            log("warn", f"queue {self.queue}: cannot hand job {job.id} back: {error}")
        raise DelayedError()

    async def _time_is_over(self, handler: asyncio.Task) -> Any:
        """Fails the job, unless its handler ends well in spite of its cancellation. One that ignores it goes on."""
        handler.cancel()
        await asyncio.wait({handler}, timeout=min(self.timeout_seconds, MAX_GRACE_SECONDS))
        if handler.done() and not handler.cancelled() and not handler.exception():
            return handler.result()
        raise TimeoutError(
            f"the job ran for longer than the {self.timeout_seconds:g} s that jobTimeout of Queue {self.queue} allows"
        )

    async def _record_who_runs(self, job: Job) -> None:
        """Records which pod runs the job; BullMQ's Python worker does not. On scale-in, pods without jobs go first."""
        try:
            await self.redis.hset(f"{self.key}:{job.id}", "pb", self.pod_name)
        except Exception as error:  # noqa: BLE001 - no reason to fail the job
            log("warn", f"queue {self.queue}: cannot record who runs job {job.id}: {error}")
