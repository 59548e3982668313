import type { ServerClients } from '@redis-queue/bullmq';

/** Share of the connections that a server takes which pools may bring it to; the rest is for producers and us. */
const USABLE = 0.9;
/**
 * Connections of a worker pod, at most: BullMQ's Worker has two per queue and its QueueEvents, where there is one,
 * another; one more is the pod's own. Where a pod has fewer, the next report shows more room.
 */
const PER_QUEUE = 3;
const PER_POD = 1;

interface Growth {
  readonly atMs: number;
  readonly connections: number;
}

/**
 * For how many more pods a Redis has connections: what the server reports, less those of pods that were decided on and
 * have hardly begun to connect. No I/O.
 */
export class ClientRoom {
  readonly #startsWithinMs: number;
  #clients: ServerClients | undefined;
  /** Of pods that have hardly begun to connect, in the order of time. */
  readonly #growths: Growth[] = [];
  /** Their sum. */
  #starting = 0;
  /** The size last decided, by pool. */
  readonly #sizes = new Map<string, number>();

  /** @param startsWithinMs from the decision on a pod until its connections show in a report */
  constructor(startsWithinMs: number) {
    this.#startsWithinMs = startsWithinMs;
  }

  /** The server reported its clients; undefined: it does not say. */
  reported(clients: ServerClients | undefined): void {
    this.#clients = clients;
  }

  /**
   * The size up to which there are connections for pods of the pool; what was decided before is granted.
   *
   * @returns undefined when the server does not say how many it takes.
   */
  largestSize(pool: string, current: number, queues: number, nowMs: number): number | undefined {
    if (this.#clients === undefined) return undefined;
    if (!this.#sizes.has(pool)) this.#sizes.set(pool, current);
    const { connected, max } = this.#clients;
    this.#forgetStarted(nowMs);
    const room = Math.max(0, USABLE * max - connected - this.#starting);
    return Math.max(current, this.#sizes.get(pool)!) + Math.floor(room / connectionsOf(queues));
  }

  /** The pool was decided to have that size. */
  decided(pool: string, size: number, queues: number, nowMs: number): void {
    const before = this.#sizes.get(pool);
    this.#sizes.set(pool, size);
    this.#forgetStarted(nowMs);
    if (before === undefined || size <= before) return;
    const connections = (size - before) * connectionsOf(queues);
    this.#growths.push({ atMs: nowMs, connections });
    this.#starting += connections;
  }

  forget(pool: string): void {
    this.#sizes.delete(pool);
  }

  #forgetStarted(nowMs: number): void {
    while (this.#growths.length > 0 && nowMs - this.#growths[0]!.atMs >= this.#startsWithinMs)
      this.#starting -= this.#growths.shift()!.connections;
  }
}

function connectionsOf(queues: number): number {
  return PER_POD + PER_QUEUE * queues;
}
