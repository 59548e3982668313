"""An example worker in Python: the queue `emails`, as examples/worker does it in TypeScript.

The handler is below; what makes it a good pod of a WorkerPool is in pod.py, to be copied.
"""

import asyncio
import hashlib

from bullmq.custom_errors import UnrecoverableError

import pod

BLOCK = b"redis-queue" * 5958  # 64 KiB


async def send_email(job: pod.Job, redis: pod.Redis) -> dict:
    """Computes, waits for the mail server, and records the effect as the last thing it does.

    When the pod has to leave, the next `await` raises CancelledError: let it through, and the job runs again elsewhere.
    """
    email = job.data
    missing = [field for field in ("to", "run", "sendMs", "rounds") if field not in email]
    if missing:
        raise UnrecoverableError(f"data lacks {', '.join(missing)}")
    await redis.hincrby(f"ledger:{email['run']}:starts", job.id, 1)
    signed = signature(email["to"], email["rounds"])
    await asyncio.sleep(email["sendMs"] / 1000)
    failures = email.get("failures", 0)
    if failures < 0 or job.attemptsMade < failures:
        raise RuntimeError("the mail server refused (planned)")
    await redis.hincrby(f"ledger:{email['run']}:effects", job.id, 1)
    return {"signed": signed}


def signature(to: str, rounds: int) -> str:
    """Stands for rendering and signing a mail: CPU time. Long computations belong in a thread or process."""
    digest = to
    for _ in range(rounds):
        digest = hashlib.sha256(digest.encode() + BLOCK).hexdigest()
    return digest


if __name__ == "__main__":
    pod.run({"emails": send_email, "receipts": send_email})
