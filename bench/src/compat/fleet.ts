import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildHandle } from '@redis-queue/rig';
import type { Redis } from 'ioredis';
import { SERVES, WORKERS, type Members, type WorkerKind } from './members.ts';

/** A worker of each kind at any time. */
export class Fleet {
  readonly killed = new Map<string, number>();
  scaleIns = 0;
  leftBadly = 0;
  readonly #members: Members;
  readonly #redis: Redis;
  readonly #live = new Map<WorkerKind, { name: string; process: ChildHandle }>();
  readonly #leaving: Promise<void>[] = [];
  #started = 0;

  constructor(members: Members, redis: Redis) {
    this.#members = members;
    this.#redis = redis;
  }

  async start(): Promise<void> {
    await Promise.all(
      WORKERS.map(async (kind) => {
        await this.#replace(kind).waitForLine(SERVES, { timeoutMs: 60_000 });
      }),
    );
  }

  /**
   * First each kind is killed once, so that the jobs of the dead come back in time; then each leaves, and so on until
   * `end`, but both once at least.
   */
  async leaveAndDie(overMs: number, end: AbortSignal): Promise<void> {
    const everyMs = Math.min(2_000, overMs / (2 * WORKERS.length + 1));
    for (let turn = 0; turn < 2 * WORKERS.length || !end.aborted; turn++) {
      await sleep(everyMs);
      const kind = WORKERS[turn % WORKERS.length]!;
      const { name, process } = this.#live.get(kind)!;
      if (Math.floor(turn / WORKERS.length) % 2 === 0) {
        this.killed.set(name, await redisNow(this.#redis));
        await process.stop('SIGKILL');
      } else {
        this.scaleIns++;
        this.#leaving.push(this.#leave(process));
      }
      this.#replace(kind);
    }
  }

  /** All leave, as when a pool is scaled to zero. */
  async leave(): Promise<void> {
    for (const { process } of this.#live.values()) this.#leaving.push(this.#leave(process));
    this.#live.clear();
    await Promise.all(this.#leaving);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#live.values()].map(async ({ process }) => await process.stop('SIGKILL')));
    await Promise.all(this.#leaving);
  }

  #replace(kind: WorkerKind): ChildHandle {
    const name = `${kind}-${this.#started++}`;
    const process = this.#members.startWorker(kind, name);
    this.#live.set(kind, { name, process });
    return process;
  }

  async #leave(process: ChildHandle): Promise<void> {
    // one that is told to leave while it still starts has no handler of the signal yet
    await process.waitForLine(SERVES, { timeoutMs: 60_000 });
    process.kill('SIGTERM');
    const { code } = await process.exited;
    if (code === 0) return;
    this.leftBadly++;
    console.error(`a worker left with ${code}:\n${process.lines.slice(-10).join('\n')}`);
  }
}

/** Redis' clock, ms. */
export async function redisNow(redis: Redis): Promise<number> {
  const [seconds, microseconds] = (await redis.time()) as unknown as [string, string];
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}
