import asyncio
import time
from typing import Any, Awaitable, Callable
from uuid import uuid4

from bullmq import Job, Worker
from bullmq.custom_errors import DelayedError
from bullmq.redis_connection import loadScript
from redis.asyncio import Redis

from .log import log
from .metrics import Metrics
from .outages import Outages
from .slots import Slots
from .usage import Usage

# Runs one job. What it returns is the job's result; what it raises fails the attempt, except CancelledError of a handler
# that was cancelled because the pod leaves, which hands the job back.
Handler = Callable[[Job, Redis], Awaitable[Any]]

# How a pod holds its jobs, as @redis-queue/worker does: those of a killed pod run elsewhere within half a minute.
LOCK_OPTIONS = {"lockDuration": 24_000, "lockRenewTime": 4_000, "stalledInterval": 4_000, "maxStalledCount": 3}
RETRY_SECONDS = 1
# How long to wait at most before looking for jobs anyway: BullMQ's own drainDelay.
FETCH_ANYWAY_SECONDS = 5
# A fetch is one round trip, and a wait takes at most 10 s; a loop that takes much longer hangs.
STUCK_SECONDS = 60
# How long a job stays away that has come back while its handler goes on; then it is looked at again.
COMES_BACK_MS = 5_000
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
        metrics: Metrics,
        usage: Usage,
        outages: Outages,
        redis: Redis,
        options: dict[str, Any],
        handler: Handler,
    ) -> None:
        self.queue = queue["queue"]
        self.key = f"{queue['prefix']}:{queue['name']}"
        timeout_ms = queue.get("jobTimeoutMs")
        self.timeout_seconds = timeout_ms / 1000 if timeout_ms else None
        self.pod_name, self.slots, self.metrics, self.usage = pod_name, slots, metrics, usage
        self.outages, self.redis, self.handler = outages, redis, handler
        self.step, self.since = "slot", time.monotonic()
        self.stopping = self.cancelled = self.handing_back = self.fetching = False
        self.held: set[str] = set()  # ids of jobs of which the package may still answer, and renews the lock by id
        self.handlers: dict[str, asyncio.Task] = {}  # by job id, in the order in which they began
        self.hand_backs: dict[str, asyncio.Event] = {}  # likewise
        self.cancelled_handlers: set[asyncio.Task] = set()  # by this pod, because it leaves or the lock was lost
        self.late: dict[str, asyncio.Task] = {}  # those that go on although their job's time was over
        # The package brings the script along, and no method that calls it.
        self.hand_back_script = redis.register_script(loadScript("moveJobFromActiveToWait-9.lua"))
        self.one_hand_back = asyncio.Lock()  # first come, first served: their order is that of the calls
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
        self.worker.on("error", lambda error, *_: self.outages.failed(f"queue {self.queue}", error))
        self.worker.on("lockRenewalFailed", self._stop_jobs)  # another pod may run them by now
        self.worker.on("completed", lambda *_: metrics.ended(self.queue, "completed"))
        self.worker.on("failed", lambda job, error: metrics.failed(self.queue, job, error))

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
        """Cancels handlers: the jobs of those that let CancelledError through are handed back.

        The last one first: each goes to the very front of its queue, so they stand there in the order in which they had
        started.
        """
        self.cancelled = True
        self._stop_jobs(list(reversed(self.handlers)))

    def hand_back_jobs(self) -> None:
        """Hands back what still runs, whether its handler ends or not; the last one first."""
        self.handing_back = True
        for hand_back in reversed(list(self.hand_backs.values())):
            hand_back.set()

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
            self.outages.failed(f"queue {self.queue}: cannot fetch jobs, trying again", error)
            await asyncio.sleep(RETRY_SECONDS)
            return None

    def _start(self, job: Job) -> None:
        run = asyncio.ensure_future(self._run_jobs(job))
        self.runs.add(run)
        run.add_done_callback(self.runs.discard)

    async def _run_jobs(self, job: Job) -> None:
        """Runs a job and, as long as no other queue needs the slot, the next jobs of the queue."""
        late = None
        try:
            while job:
                if job.id in self.held:
                    return await self._put_off(job)
                self.held.add(job.id)
                try:
                    await self.worker.processJob(job, job.token)
                finally:
                    self.held.discard(job.id)
                late = self.late.pop(job.id, None)
                if late or self.stopping or self.slots.contended_beside(self.queue):
                    # the end of a job makes room under a global concurrency: somebody has to fetch
                    return await self._wake_another()
                job = await self._fetch()
        finally:
            if late:
                self.slots.release_after(late)
            else:
                self.slots.release()

    async def _put_off(self, job: Job) -> None:
        """For a job whose lock had ended while its run went on: that one is cancelled, since nothing of it counts."""
        self._stop_jobs([job.id])
        try:
            await job.moveToDelayed(int(time.time() * 1000) + COMES_BACK_MS, job.token)
        except Exception as error:  # noqa: BLE001 - its lock expires instead
            self.outages.failed(f"queue {self.queue}: cannot put job {job.id} off", error)

    async def _wait_for_work(self) -> None:
        limited_ms = self.worker.limitUntil
        if limited_ms > 0:
            await asyncio.sleep(min(limited_ms / 1000, FETCH_ANYWAY_SECONDS))
            return
        try:
            await self.worker.waitForJob()  # a marker wakes one of the waiting workers, at most 10 s from now
        except Exception as error:  # noqa: BLE001
            self.outages.failed(f"queue {self.queue}: cannot wait for jobs, trying again", error)
            await asyncio.sleep(RETRY_SECONDS)
            return
        if self.slots.free == 0:
            await self._wake_another()

    async def _wake_another(self) -> None:
        try:
            await self.redis.zadd(f"{self.key}:marker", {"0": 0})
        except Exception as error:  # noqa: BLE001 - they fetch by themselves after a while
            self.outages.failed(f"queue {self.queue}: cannot wake another pod", error)

    async def _check_for_stalled_jobs(self) -> None:
        while True:
            await self.worker.runStalledJobsCheck()
            await asyncio.sleep(LOCK_OPTIONS["stalledInterval"] / 1000)

    def _stop_jobs(self, ids: list[str]) -> None:
        for job_id in ids:
            if job_id in self.handlers:
                self._cancel(self.handlers[job_id])

    def _cancel(self, handler: asyncio.Task) -> None:
        self.cancelled_handlers.add(handler)
        handler.cancel()

    async def _process(self, job: Job, token: str) -> Any:
        """BullMQ calls this for a job. It runs the handler to its end, or until the drain hands the job back."""
        begun: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        handler = self.handlers[job.id] = asyncio.ensure_future(self._handle(job, begun))
        hand_back = self.hand_backs[job.id] = asyncio.Event()
        if self.cancelled:
            self._cancel(handler)
        if self.handing_back:
            hand_back.set()
        handed_back = asyncio.ensure_future(hand_back.wait())
        try:
            await asyncio.wait({handler, handed_back, begun}, return_when=asyncio.FIRST_COMPLETED)
            over, _ = await asyncio.wait(
                {handler, handed_back}, timeout=self.timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if not over:
                return await self._time_is_over(job, handler)
            if handler.done():
                if not handler.cancelled():
                    return handler.result()
                if handler not in self.cancelled_handlers and not self.handing_back:
                    raise RuntimeError("the handler let CancelledError through, which nobody but itself had caused")
        finally:
            handed_back.cancel()
            self.cancelled_handlers.discard(handler)
            del self.handlers[job.id], self.hand_backs[job.id]
            if begun.done():
                seconds = time.monotonic() - begun.result()
                self.metrics.ran(self.queue, seconds)
                self.usage.ended(seconds)
        try:
            await self._hand_back(job, token)
            self.metrics.ended(self.queue, "handed_back")
            log("info", f"queue {self.queue}: handed job {job.id} back")
        except Exception as error:  # noqa: BLE001 - if raised, it would fail the job; so the lock expires instead
            log("warn", f"queue {self.queue}: cannot hand job {job.id} back: {error}")
        raise DelayedError()  # for the package: the job is dealt with

    async def _handle(self, job: Job, begun: "asyncio.Future[float]") -> Any:
        """Records who runs the job, then runs the handler; `begun` says when that was."""
        await self._record_who_runs(job)
        self.metrics.started(self.queue, job, await self._had_children(job))
        self.usage.began()
        begun.set_result(time.monotonic())
        return await self.handler(job, self.redis)

    async def _hand_back(self, job: Job, token: str) -> None:
        """Puts the job to the front of its queue, or of the jobs of its priority; no attempt and no stall is counted."""
        names = ("active", "wait", "stalled", "paused", "meta", "limiter", "prioritized", "marker", "events")
        async with self.one_hand_back:
            code = await self.hand_back_script(
                keys=[f"{self.key}:{name}" for name in names], args=[job.id, token, f"{self.key}:{job.id}"]
            )
        if int(code) < 0:
            raise RuntimeError(f"this pod does not hold it any more ({code})")

    async def _time_is_over(self, job: Job, handler: asyncio.Task) -> Any:
        """Fails the job, unless its handler ends well in spite of its cancellation.

        One that ignores it goes on, and keeps its slot until it ends.
        """
        handler.cancel()
        await asyncio.wait({handler}, timeout=min(self.timeout_seconds, MAX_GRACE_SECONDS))
        if handler.done() and not handler.cancelled() and not handler.exception():
            return handler.result()
        if not handler.done():
            self.late[job.id] = handler
        raise TimeoutError(
            f"the job ran for longer than the {self.timeout_seconds:g} s that jobTimeout of Queue {self.queue} allows"
        )

    async def _record_who_runs(self, job: Job) -> None:
        """Records which pod runs the job; BullMQ's Python worker does not. On scale-in, pods without jobs go first."""
        try:
            await self.redis.hset(f"{self.key}:{job.id}", "pb", self.pod_name)
        except Exception as error:  # noqa: BLE001 - no reason to fail the job
            self.outages.failed(f"queue {self.queue}: cannot record who runs job {job.id}", error)

    async def _had_children(self, job: Job) -> bool:
        """Nobody stores since when the parent of a flow was ready; without an answer neither is known."""
        kinds = ("processed", "dependencies", "failed", "unsuccessful")
        try:
            return await self.redis.exists(*(f"{self.key}:{job.id}:{kind}" for kind in kinds)) > 0
        except Exception:  # noqa: BLE001 - no reason to fail the job
            return True
