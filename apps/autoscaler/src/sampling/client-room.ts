import type { ServerClients } from '@redis-queue/bullmq';
import type { StartingClients } from './starting-clients.ts';

/** Share of the connections that a server takes which pools may bring it to; the rest is for producers and us. */
const USABLE = 0.9;
/**
 * Connections of a worker pod, at most: BullMQ's Worker has two per queue and its QueueEvents, where there is one,
 * another; one more is the pod's own. Where a pod has fewer, the next report shows more room.
 */
const PER_QUEUE = 3;
const PER_POD = 1;

/**
 * For how many more pods a Redis has connections: what the server reports, less those of pods that were decided on and
 * have hardly begun to connect. No I/O.
 */
export class ClientRoom {
  /** The same text for whoever connects to the same one. */
  readonly server: string;
  readonly #starting: StartingClients;
  #clients: ServerClients | undefined;
  /** The size last decided, by pool. */
  readonly #sizes = new Map<string, number>();

  /** @param starting shared by all who size pools on the server */
  constructor(server: string, starting: StartingClients) {
    this.server = server;
    this.#starting = starting;
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
    const room = Math.max(0, USABLE * max - connected - this.#starting.on(this.server, nowMs));
    return Math.max(current, this.#sizes.get(pool)!) + Math.floor(room / connectionsOf(queues));
  }

  /**
   * The pool was decided to have that size.
   *
   * @param isCounted whether another user of the same server has counted the connections of its new pods
   */
  decided(pool: string, size: number, queues: number, nowMs: number, isCounted = false): void {
    const before = this.#sizes.get(pool);
    this.#sizes.set(pool, size);
    if (before === undefined || size <= before || isCounted) return;
    this.#starting.add(this.server, (size - before) * connectionsOf(queues), nowMs);
  }

  forget(pool: string): void {
    this.#sizes.delete(pool);
  }
}

function connectionsOf(queues: number): number {
  return PER_POD + PER_QUEUE * queues;
}
