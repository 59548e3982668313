import { seededRandom, type Random } from '../loads/random.ts';
import { drainMs, type Environment } from './environment.ts';
import type { Fleet, Pod } from './fleet.ts';
import type { JobQueue } from './job-queue.ts';
import type { InLine } from './line.ts';
import { Nodes } from './nodes.ts';
import type { Ledger } from './run.ts';

export type PodEvent =
  | { readonly kind: 'started' | 'drained' | 'reclaimed' | 'killed'; readonly pod: Pod }
  | { readonly kind: 'node came' }
  | { readonly kind: 'lock gone' | 'searched'; readonly entry: InLine };

/** Where events of the future go. */
interface Events {
  push(atMs: number, what: PodEvent): void;
}

/** A lock of libs/worker lasts 24 s and is renewed every 4 s; jobs without one are searched for every 4 s. */
const LOCK_MS = 24_000;
const RENEWED_MS = 4_000;
const SEARCHED_MS = 4_000;
/** A container that ends as soon as it has started is reported as looping when it has ended for the second time. */
const STARTS_OF_A_LOOP = 2;

/** Makes chance of one kind independent of how often chance of another is asked. */
const SALTS = { fate: 0x51ed, nodes: 0x9d3f } as const;

/** What becomes of pods: a node, a start that may never succeed, a drain that may be too short, an end with the node. */
export class PodLives {
  readonly #environment: Environment;
  readonly #events: Events;
  readonly #queue: JobQueue;
  readonly #ledger: Ledger;
  readonly #isWorkerThere: () => boolean;
  readonly #nodes: Nodes;
  readonly #starts: Random;
  readonly #fate: Random;

  constructor(environment: Environment, events: Events, queue: JobQueue, ledger: Ledger, isWorkerThere: () => boolean) {
    const { seed, nodes } = environment;
    this.#environment = environment;
    this.#events = events;
    this.#queue = queue;
    this.#ledger = ledger;
    this.#isWorkerThere = isWorkerThere;
    this.#starts = seededRandom(seed);
    this.#fate = seededRandom(seed ^ SALTS.fate);
    this.#nodes = new Nodes(nodes, seededRandom(seed ^ SALTS.nodes));
  }

  /** So many pods are created. */
  begin(fleet: Fleet, pods: number, nowMs: number): void {
    const { badPods = 0 } = this.#environment;
    for (let n = 0; n < pods; n++) {
      const pod = fleet.create(badPods > 0 && this.#fate() < badPods);
      if (this.#nodes.place(pod, nowMs)) this.#placed(pod, nowMs);
    }
    for (const atMs of this.#nodes.order(nowMs)) this.#events.push(atMs, { kind: 'node came' });
  }

  /** The pod was asked to stop: it is gone, or its jobs have as long as the drain. */
  drains(pod: Pod, nowMs: number): void {
    if (pod.state === 'gone') this.left(pod, nowMs);
    else this.#events.push(nowMs + drainMs(this.#environment), { kind: 'drained', pod });
  }

  /** The pod is gone: others have its room. */
  left(pod: Pod, nowMs: number): void {
    for (const next of this.#nodes.left(pod, nowMs)) this.#placed(next, nowMs);
  }

  /** @returns whether jobs may start because of it. */
  handle(event: PodEvent, nowMs: number): boolean {
    switch (event.kind) {
      case 'started':
        return event.pod.fleet.started(event.pod, nowMs);
      case 'drained':
        return this.#handBack(event.pod, nowMs);
      case 'reclaimed':
        return this.#reclaim(event.pod, nowMs);
      case 'killed':
        return this.#orphan(event.pod, nowMs);
      case 'node came':
        for (const pod of this.#nodes.came(nowMs)) this.#placed(pod, nowMs);
        return false;
      case 'lock gone':
        this.#queue.orphaned++;
        this.#events.push(nowMs + this.#fate() * SEARCHED_MS, { kind: 'searched', entry: event.entry });
        return false;
      default:
        return this.#recover(event.entry, nowMs);
    }
  }

  #placed(pod: Pod, nowMs: number): void {
    const { podStartMs, spot } = this.#environment;
    pod.fleet.placed(pod, nowMs);
    const startMs = podStartMs(this.#starts);
    if (pod.bad) pod.loopsFromMs = nowMs + STARTS_OF_A_LOOP * startMs;
    else this.#events.push(nowMs + startMs, { kind: 'started', pod });
    if (spot !== undefined) this.#events.push(nowMs + spot.lifeMs(this.#fate), { kind: 'reclaimed', pod });
  }

  /** The drain is over: jobs go back to the front, the last started first, so that they stand as they started. */
  #handBack(pod: Pod, nowMs: number): boolean {
    if (pod.state !== 'draining') return false;
    for (const { entry, startedMs } of pod.fleet.kill(pod, nowMs).toReversed()) {
      this.#ledger.discardedMs += nowMs - startedMs;
      this.#queue.returned(entry, nowMs);
    }
    this.left(pod, nowMs);
    return true;
  }

  /** The node gives notice: the pod takes no more jobs, and its controller makes another at once. */
  #reclaim(pod: Pod, nowMs: number): boolean {
    if (pod.state === 'gone') return false;
    if (pod.state !== 'draining') {
      pod.fleet.evict(pod, nowMs);
      this.begin(pod.fleet, 1, nowMs);
    }
    if ((pod.state as Pod['state']) === 'gone') this.left(pod, nowMs);
    else this.#events.push(nowMs + this.#environment.spot!.noticeMs, { kind: 'killed', pod });
    return false;
  }

  /**
   * The node is gone, and with it the pod, whose drain was meant to last longer. Its jobs stay active until the lock has
   * ended and a worker has searched for such jobs.
   */
  #orphan(pod: Pod, nowMs: number): boolean {
    if (pod.state !== 'draining') return false;
    for (const { entry, startedMs } of pod.fleet.kill(pod, nowMs)) {
      this.#ledger.lostMs += nowMs - startedMs;
      this.#events.push(nowMs + LOCK_MS - this.#fate() * RENEWED_MS, { kind: 'lock gone', entry });
    }
    this.left(pod, nowMs);
    return false;
  }

  #recover(entry: InLine, nowMs: number): boolean {
    if (!this.#isWorkerThere()) {
      this.#events.push(nowMs + SEARCHED_MS, { kind: 'searched', entry });
      return false;
    }
    this.#queue.orphaned--;
    this.#queue.returned(entry, nowMs);
    return true;
  }
}
