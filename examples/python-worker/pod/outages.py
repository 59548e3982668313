import asyncio
import re
import time
from typing import Awaitable, Callable

from .log import log

WATCH_SECONDS = 2
# A handler that blocks the event loop makes one answer late.
MISSES = 2
# How often the same failure is told of while Redis answers.
REPEAT_SECONDS = 60
# Most failures that are remembered.
MOST = 200


class Outages:
    """Tells of Redis so that an outage costs a few lines, however long it lasts; @redis-queue/worker does the same.

    One line says that Redis is lost, one that it is back, and in between each reason is said once.
    """

    def __init__(self, unreachable: Callable[[], Awaitable[str | None]]) -> None:
        self.unreachable = unreachable
        self.lost_at: float | None = None
        self.said: dict[str, float] = {}

    async def watch(self) -> None:
        misses = 0
        while True:
            began = time.monotonic()
            why = await self.unreachable()
            misses = misses + 1 if why else 0
            if misses == MISSES:
                self.lost_at = began
                self.said.clear()
                log("warn", f"lost the connection to Redis, reconnecting ({why})")
            elif not why and self.lost_at is not None:
                log("info", f"connected to Redis again, after {began - self.lost_at:.0f} s")
                self.lost_at = None
                self.said.clear()
            await asyncio.sleep(WATCH_SECONDS)

    def failed(self, message: str, error: object) -> None:
        """Tells of what failed, unless it was told of already."""
        text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) and not str(error) else str(error)
        lost = self.lost_at is not None
        # while Redis is away what failed is no news, and texts count attempts
        key = re.sub(r"\d+", "#", text) if lost else f"{message} {text}"
        now = time.monotonic()
        if key in self.said and (lost or now - self.said[key] < REPEAT_SECONDS):
            return
        self.said.pop(key, None)
        if len(self.said) >= MOST:
            del self.said[next(iter(self.said))]  # the oldest
        self.said[key] = now
        log("warn", f"{message}: {text}")
