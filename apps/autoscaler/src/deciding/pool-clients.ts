import type { SpeakingClients } from '@redis-queue/scaling-bus';
import type { ScaledPool, WatchedQueue } from '../watching/topology.ts';

export interface ClientsOptions {
  /** Who speaks to that Redis; undefined while nothing can be read there. */
  readonly read: (targetKey: string) => Promise<SpeakingClients | undefined>;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly readEveryMs?: number;
}

const READ_EVERY_MS = 60_000;
/**
 * What was read holds for so long. A pod that came later has no connection in it, and counts as stuck five minutes after
 * that was said first.
 */
const HOLDS_MS = 150_000;

interface Known {
  readonly uid: string;
  nextReadMs: number;
  clients?: SpeakingClients;
  /** When these were asked for. */
  readAtMs: number;
}

/**
 * Who speaks to the Redis of pools whose stuck pods are to be replaced: asked once a minute, once for all pools of a Redis
 * that are due. A pool serves one Redis. What it knows is lost with the process.
 */
export class PoolClients {
  readonly #options: ClientsOptions;
  readonly #pools = new Map<string, Known>();

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** Starts the reads that are due, of pools that have pods; call it every tick. Resolves when they are done. */
  async readDue(
    pools: Iterable<ScaledPool>,
    queues: ReadonlyMap<string, WatchedQueue>,
    hasPods: (poolKey: string) => boolean,
  ): Promise<void> {
    const { now, read, readEveryMs = READ_EVERY_MS } = this.#options;
    const nowMs = now();
    const due = Map.groupBy(this.#due(pools, queues, hasPods, nowMs), ({ targetKey }) => targetKey);
    await Promise.all(
      [...due].map(async ([targetKey, all]) => {
        for (const { known } of all) known.nextReadMs = nowMs + readEveryMs;
        const clients = await read(targetKey);
        if (clients !== undefined) for (const { known } of all) Object.assign(known, { clients, readAtMs: nowMs });
      }),
    );
  }

  /** The same object until it was read again; undefined: the pool does not ask, or nothing was read lately. */
  of({ key, uid, replaceStuck }: ScaledPool): SpeakingClients | undefined {
    const known = this.#pools.get(key);
    if (!replaceStuck || known?.uid !== uid) return undefined;
    return this.#options.now() - known.readAtMs < HOLDS_MS ? known.clients : undefined;
  }

  forget({ key }: ScaledPool): void {
    this.#pools.delete(key);
  }

  *#due(
    pools: Iterable<ScaledPool>,
    queues: ReadonlyMap<string, WatchedQueue>,
    hasPods: (poolKey: string) => boolean,
    nowMs: number,
  ): Generator<{ readonly known: Known; readonly targetKey: string }> {
    for (const { key, uid, replaceStuck, queues: names } of pools) {
      if (!replaceStuck || !hasPods(key)) {
        this.#pools.delete(key);
        continue;
      }
      const queue = names.map((each) => ('id' in each ? queues.get(each.id) : undefined)).find((each) => each);
      if (queue === undefined) continue;
      const known = this.#pools.get(key);
      const current = known?.uid === uid ? known : { uid, nextReadMs: -Infinity, readAtMs: -Infinity };
      this.#pools.set(key, current);
      if (current.nextReadMs <= nowMs) yield { known: current, targetKey: queue.targetKey };
    }
  }
}
