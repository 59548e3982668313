"""How late the event loop is: what is due waits for a handler that computes without an `await`."""

import asyncio
import math
from collections import Counter

from .metrics import Histogram

# How often the loop is asked to be on time; what blocks it for less is no trouble to anybody.
EVERY_SECONDS = 0.05
# A longer lag (a machine that slept) is counted as this.
MOST_SECONDS = 60
BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Lag:
    """Measures the lag by a timer, for the metrics and for what the pod reports; as @redis-queue/worker does."""

    def __init__(self) -> None:
        self.histogram = Histogram(BOUNDS)
        self._by_ms: Counter[int] = Counter()

    async def measure_regularly(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            self.note(loop.time() - due)

    def note(self, late_seconds: float) -> None:
        """A timer that is late counts for all that would have been due meanwhile, and waited as well."""
        lag = min(max(0.0, late_seconds), MOST_SECONDS)
        while True:
            self.histogram.observe(lag)
            self._by_ms[round(lag * 1000)] += 1
            lag -= EVERY_SECONDS
            if lag <= 0:
                return

    def take(self) -> dict[str, int]:
        """The lag since the last call: all but one in a hundred moments waited less than the first."""
        by_ms, self._by_ms = self._by_ms, Counter()
        if not by_ms:
            return {}
        left = math.ceil(by_ms.total() * 0.99)
        for ms in sorted(by_ms):
            left -= by_ms[ms]
            if left <= 0:
                break
        return {"lagP99Ms": ms, "lagMaxMs": max(by_ms)}
