import { Redis } from 'ioredis';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

// Asks Redis every ms, and prints ten times per second when it began, Unix ms, and the longest it waited for an answer.
const { REDIS_URL = '' } = process.env;
const PRINT_MS = 100;

try {
  // It shares its core with whoever reads; what it waits for its core would look like Redis' doing.
  setPriority(-15);
} catch {
  // Not as root, its figures are worse.
}
const redis = new Redis(REDIS_URL);
for (;;) {
  const beganMs = Date.now();
  let longestMs = 0;
  while (Date.now() - beganMs < PRINT_MS) {
    const askedMs = performance.now();
    await redis.ping();
    longestMs = Math.max(longestMs, performance.now() - askedMs);
    await sleep(1);
  }
  console.log(`stall ${beganMs} ${longestMs.toFixed(2)}`);
}
