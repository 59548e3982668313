"""Reports what the pod uses, in the format of docs/pod-contract.md: from it the pool gets advice and its level."""

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Callable

from redis.asyncio import Redis

from .contract import Contract
from .outages import Outages

REPORT_SECONDS = 60
FORGET_MS = 300_000
FIELDS_CHECKED = 5
CGROUP = Path("/sys/fs/cgroup")
# The level of the contract that this folder keeps.
LEVEL = 1

# Notes the report with Redis' time, and forgets a few pods that are gone; that of @redis-queue/worker does the same.
REPORT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local some = redis.call('HRANDFIELD', KEYS[1], ARGV[4], 'WITHVALUES')
for i = 1, #some, 2 do
  local reported = tonumber(string.match(some[i + 1], '^%d+'))
  if reported == nil or math.abs(now - reported) > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], some[i]) end
end
"""


class Usage:
    """Counts what runs, and reports once a minute in which jobs ran, or a handler is stuck. Nothing waits for it."""

    def __init__(
        self,
        contract: Contract,
        redis: Redis,
        stuck: Callable[[], int],
        lag: Callable[[], dict[str, int]],
        outages: Outages,
    ) -> None:
        self.contract, self.stuck, self.lag, self.outages = contract, stuck, lag, outages
        self.script = redis.register_script(REPORT)
        first = contract.queues[0]
        self.key = f"{first['prefix']}:{first['name']}:rq:usage:{contract.namespace}/{contract.pool}"
        self.running = self.jobs = 0
        self.said_stuck = False
        self._begin(time.monotonic())

    def began(self) -> None:
        self._count(1)

    def ended(self, seconds: float) -> None:
        self._count(-1)
        self.jobs += 1
        self.run_seconds += seconds

    async def report_regularly(self) -> None:
        """Spread, so that a fleet that started together does not report together."""
        while True:
            await asyncio.sleep(REPORT_SECONDS * random.uniform(0.9, 1.1))
            await self.report()

    async def report(self, leaving: bool = False) -> None:
        if not self.contract.pool:
            return
        stuck = 0 if leaving else self.stuck()
        usage = self._take(stuck)
        if usage is None:
            return
        try:
            text = json.dumps({"format": 1, "contract": LEVEL, "version": self.contract.version, **usage}, separators=(",", ":"))
            args = [self.contract.pod_name, text, FORGET_MS, FIELDS_CHECKED]
            await asyncio.wait_for(self.script(keys=[self.key], args=args), timeout=1)
            self.said_stuck = stuck > 0
        except Exception as error:  # noqa: BLE001 - there is no advice then, and jobs go on
            self.outages.failed("cannot report what the pod uses", error)

    def _begin(self, now: float) -> None:
        self.began_at = self.changed_at = now
        self.cpu, self.process_cpu = _cpu_seconds(), time.process_time()
        self.busy_seconds = self.run_seconds = 0.0
        self.jobs = 0

    def _count(self, change: int) -> None:
        now = time.monotonic()
        self.busy_seconds += self.running * (now - self.changed_at)
        self.changed_at = now
        self.running += change

    def _take(self, stuck: int) -> dict | None:
        self._count(0)
        now = self.changed_at
        period, jobs, run_seconds = now - self.began_at, self.jobs, self.run_seconds
        cpu, process_cpu = _cpu_seconds() - self.cpu, time.process_time() - self.process_cpu
        busy, lag = self.busy_seconds, self.lag()
        self._begin(now)
        if period <= 0 or (busy <= 0 and stuck == 0 and not self.said_stuck):
            return None
        return {
            "periodMs": round(period * 1000),
            "slots": self.contract.concurrency,
            "busy": round(busy / period, 3),
            "cpu": round(max(0.0, cpu) / period, 3),
            "memory": _memory_bytes(),
            # What only one job can use at a time is the interpreter.
            "eventLoop": round(min(1.0, process_cpu / period), 3),
            **lag,
            "jobs": jobs,
            **({"runMs": round(run_seconds * 1000 / jobs, 3)} if jobs else {}),
            **({"stuck": stuck} if stuck else {}),
        }


def _cpu_seconds() -> float:
    """Of the container (cgroup v2), or of the process where there is none."""
    if not (CGROUP / "memory.current").exists():
        return time.process_time()
    return _fields(CGROUP / "cpu.stat").get("usage_usec", 0) / 1e6


def _memory_bytes() -> int:
    """What counts against the limit and cannot be dropped, or the process's resident set."""
    try:
        current = int((CGROUP / "memory.current").read_text())
        return max(0, current - _fields(CGROUP / "memory.stat").get("inactive_file", 0))
    except OSError:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _fields(file: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in file.read_text().splitlines())}
