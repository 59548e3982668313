import asyncio


class Slots:
    """The pod's concurrency, shared by its queues: a job is fetched only once it has a slot, so no sum exceeds it."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        # Handlers that go on although their job has failed by jobTimeout: each keeps its slot until it ends.
        self.stuck = 0
        self._asking: list[tuple[str, asyncio.Future]] = []

    async def take(self, queue: str) -> None:
        """First come, first served: the weights of the contract are for @redis-queue/worker."""
        if self.free > 0:
            self.free -= 1
            return
        asked = (queue, asyncio.get_running_loop().create_future())
        self._asking.append(asked)
        try:
            await asked[1]
        except asyncio.CancelledError:
            if asked in self._asking:
                self._asking.remove(asked)
            else:  # it was given one in the same moment
                self.release()
            raise

    def release(self) -> None:
        if self._asking:
            self._asking.pop(0)[1].set_result(None)
        else:
            self.free += 1

    def release_after(self, handler: asyncio.Task) -> None:
        """The handler goes on without its job: its slot is free once it ends."""
        self.stuck += 1

        def ended(_: asyncio.Task) -> None:
            self.stuck -= 1
            self.release()

        handler.add_done_callback(ended)

    def all_stuck(self) -> bool:
        return self.stuck >= self.total

    def contended_beside(self, queue: str) -> bool:
        return any(other != queue for other, _ in self._asking)
