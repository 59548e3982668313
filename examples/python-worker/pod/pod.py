import asyncio
import os
import signal
import time
from typing import Any

from redis.asyncio import Redis

from .contract import Contract, redis_options
from .http import serve_http
from .lag import Lag
from .log import log
from .metrics import Metrics
from .outages import Outages
from .queue_loop import Handler, QueueLoop
from .slots import Slots
from .usage import Usage

# A hand-back takes milliseconds; this leaves time before the end for when Redis is slow.
HAND_BACK_SECONDS = 2
PING_SECONDS = 1


class Pod:
    def __init__(self, contract: Contract, options: dict[str, Any], handlers: dict[str, Handler]) -> None:
        missing = [queue["queue"] for queue in contract.queues if queue["queue"] not in handlers]
        if missing:
            raise SystemExit(f"no handler for queue {', '.join(missing)} (handlers: {', '.join(handlers)})")
        self.contract = contract
        self.redis = Redis(**options, decode_responses=True)
        self.signalled = asyncio.Event()
        self.hurry = asyncio.Event()
        self.outages = Outages(self._unreachable)
        self.slots = Slots(contract.concurrency)
        self.lag = Lag()
        self.metrics = Metrics(self._gauges, self.lag.histogram)
        self.usage = Usage(contract, self.redis, lambda: self.slots.stuck, self.lag.take, self.outages)
        self.connected = False
        self.queues = [
            QueueLoop(
                queue,
                contract.pod_name,
                self.slots,
                self.metrics,
                self.usage,
                self.outages,
                self.redis,
                options,
                handlers[queue["queue"]],
            )
            for queue in contract.queues
        ]
        self.loops: list[asyncio.Task] = []

    async def serve(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        probes = {"/livez": self._no_progress, "/readyz": self._not_ready}
        await serve_http(self.contract.http_port, probes, self._scrape)
        self.loops = [asyncio.ensure_future(queue.serve()) for queue in self.queues]
        works = (self.usage.report_regularly(), self.lag.measure_regularly(), self.outages.watch())
        beside = [asyncio.ensure_future(work) for work in works]
        log("info", f"serving {', '.join(queue.queue for queue in self.queues)}")
        await self.signalled.wait()
        log("info", "draining")
        log("info", f"drained: {await self._drain()}")
        for work in beside:
            work.cancel()
        await self.usage.report(leaving=True)

    def _on_signal(self) -> None:
        (self.hurry if self.signalled.is_set() else self.signalled).set()

    async def _drain(self) -> str:
        began = time.monotonic()
        end = self.contract.drain_seconds
        hand_back_after = end - min(HAND_BACK_SECONDS, end / 10)
        idle = asyncio.gather(*self.loops, return_exceptions=True)
        hurry = asyncio.ensure_future(self.hurry.wait())

        async def idle_by(seconds: float, *sooner: asyncio.Future) -> bool:
            left = max(0.0, began + seconds - time.monotonic())
            await asyncio.wait({idle, *sooner}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            return idle.done()

        for queue, loop in zip(self.queues, self.loops):
            queue.stop(loop)
        if await idle_by(min(self.contract.grace_seconds, hand_back_after), hurry):
            return "finished"
        for queue in self.queues:
            queue.cancel_jobs()
        if await idle_by(hand_back_after, hurry):
            return "stopped"
        for queue in self.queues:
            queue.hand_back_jobs()
        return "handed back" if await idle_by(end) else "abandoned"

    async def _no_progress(self) -> str | None:
        # A lost connection is no reason to restart: a new process could not connect either, and would lose its jobs.
        if self.signalled.is_set() or await self._unreachable():
            return None
        for queue, loop in zip(self.queues, self.loops):
            if loop.done() or queue.stuck():
                return f"queue {queue.queue}: no progress in step {queue.step}"
        return self._all_stuck()

    async def _not_ready(self) -> str | None:
        if self.signalled.is_set():
            return "draining"
        silent = [queue.queue for queue in self.queues if not queue.fetching]
        not_yet = f"not fetching yet from {', '.join(silent)}" if silent else None
        return await self._unreachable() or not_yet or self._all_stuck()

    def _all_stuck(self) -> str | None:
        if not self.slots.all_stuck():
            return None
        return "all slots are given up to handlers that go on although their jobs have failed by jobTimeout"

    async def _scrape(self) -> str:
        self.connected = not await self._unreachable()
        return await self.metrics.text()

    def _gauges(self) -> dict[str, tuple[str, dict[str, float]]]:
        slots = self.slots
        return {
            "redis_queue_worker_slots": (
                "The pod's slots (its concurrency), by whether a job runs on them, or a handler that does not end.",
                {'{state="active"}': slots.total - slots.free, '{state="free"}': slots.free},
            ),
            "redis_queue_worker_stuck_handlers": (
                "Handlers that go on although their job has failed by jobTimeout; each has taken a slot from the pod.",
                {"": slots.stuck},
            ),
            "redis_queue_worker_redis_connected": ("1 while Redis answers.", {"": int(self.connected)}),
        }

    async def _unreachable(self) -> str | None:
        try:
            await asyncio.wait_for(self.redis.ping(), PING_SECONDS)
        except Exception as error:  # noqa: BLE001
            return f"Redis is unreachable: {type(error).__name__}"
        return None


def run(handlers: dict[str, Handler]) -> None:
    """Runs the pod to its end; call it last. `handlers`: by queue (`metadata.name`), what runs its jobs."""

    async def main() -> None:
        env = dict(os.environ)
        await Pod(Contract.read(env), redis_options(env), handlers).serve()
        # at once: handlers that ignored their cancellation may still run, and their jobs belong to another pod now
        os._exit(0)

    asyncio.run(main())
