import asyncio


class Slots:
    """The pod's concurrency, shared by its queues: a job is fetched only once it has a slot, so no sum exceeds it."""

    def __init__(self, total: int) -> None:
        self._free = asyncio.Semaphore(total)
        self._asking: list[str] = []

    async def take(self, queue: str) -> None:
        self._asking.append(queue)
        try:
            await self._free.acquire()  # first come, first served
        finally:
            self._asking.remove(queue)

    def release(self) -> None:
        self._free.release()

    def none_free(self) -> bool:
        return self._free.locked()

    def contended_beside(self, queue: str) -> bool:
        return any(other != queue for other in self._asking)
