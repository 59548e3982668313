"""The metrics of a pod in Prometheus' text format, by the names of @redis-queue/worker. No package is needed for them."""

import time
from bisect import bisect_left
from typing import Callable

from bullmq import Job
from bullmq.custom_errors import UnrecoverableError

SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)


class Histogram:
    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def lines(self, name: str, labels: str = "") -> list[str]:
        total, lines = 0, []
        for bound, count in zip((*self.bounds, "+Inf"), self.counts):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"{"," if labels else ""}{labels}}} {total}')
        braced = f"{{{labels}}}" if labels else ""
        return [*lines, f"{name}_sum{braced} {self.sum}", f"{name}_count{braced} {total}"]


class Metrics:
    """Counts what happens to jobs; the gauges are asked for at each scrape, by name: help and values by labels."""

    def __init__(self, gauges: Callable[[], dict[str, tuple[str, dict[str, float]]]], lag: Histogram) -> None:
        self._gauges = gauges
        self._lag = lag
        self._jobs: dict[tuple[str, str], int] = {}
        self._waits: dict[str, Histogram] = {}
        self._runs: dict[str, Histogram] = {}

    def ended(self, queue: str, outcome: str) -> None:
        """Outcome: completed, failed (for good), retried (will run again), handed_back (drained)."""
        self._jobs[queue, outcome] = self._jobs.get((queue, outcome), 0) + 1

    def failed(self, queue: str, job: Job, error: Exception) -> None:
        again = not isinstance(error, UnrecoverableError) and job.attemptsMade < (job.opts.get("attempts") or 1)
        self.ended(queue, "retried" if again else "failed")

    def started(self, queue: str, job: Job, had_children: bool) -> None:
        """Neither a later attempt nor a parent of a flow says since when it was ready."""
        if job.attemptsMade == 0 and job.processedOn and not had_children:
            wait_ms = job.processedOn - job.timestamp - (job.opts.get("delay") or 0)
            self._waits.setdefault(queue, Histogram()).observe(max(0, wait_ms) / 1000)

    def ran(self, queue: str, seconds: float) -> None:
        self._runs.setdefault(queue, Histogram()).observe(seconds)

    async def text(self) -> str:
        lines = _head("redis_queue_worker_jobs_total", "counter", "Runs of jobs, by outcome.")
        for (queue, outcome), count in sorted(self._jobs.items()):
            lines.append(f'redis_queue_worker_jobs_total{{queue="{queue}",outcome="{outcome}"}} {count}')
        for name, help_text, by_queue in (
            ("redis_queue_worker_job_wait_seconds", "From ready to first start.", self._waits),
            ("redis_queue_worker_job_run_seconds", "How long a run took, whatever its outcome.", self._runs),
        ):
            lines += _head(name, "histogram", help_text)
            for queue, histogram in sorted(by_queue.items()):
                lines += histogram.lines(name, f'queue="{queue}"')
        lag = "redis_queue_worker_event_loop_lag_seconds"
        lines += _head(lag, "histogram", "How long what was due waited for the event loop, 20 times per second.")
        lines += self._lag.lines(lag)
        for name, (help_text, values) in self._gauges().items():
            lines += _head(name, "gauge", help_text)
            lines += [f"{name}{labels} {value:g}" for labels, value in values.items()]
        lines += _head("process_cpu_seconds_total", "counter", "User and system time, in seconds.")
        lines.append(f"process_cpu_seconds_total {time.process_time()}")
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
