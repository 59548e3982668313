import { guardClusterReplies } from '../redis/reply-guard.ts';
import { queueId, queueKey, type QueueRef } from '../redis/keys.ts';
import { nodeOfSlot, parseSlots, slotOfKey, type SlotRange } from '../connections/cluster-slots.ts';
import type { HostAndPort, RedisAddress } from '../connections/target.ts';
import { QueueWakeups, type ArmedQueue, type OnWake, type QueueWakeupsOptions, type Wakeups } from './wakeups.ts';

export interface ClusterWakeupsOptions extends QueueWakeupsOptions {
  /** The reply to CLUSTER SLOTS of some node of the Cluster, in time. */
  readonly readSlots: () => Promise<unknown>;
  /** Whether two connections may be opened to a node; absent: always. */
  readonly mayOpen?: (node: string) => boolean;
  /** The connections to that node are closed. */
  readonly onClosed?: (node: string) => void;
}

/** How often the slots are read: an idle queue's slot has no key whose move would be reported. */
const REFRESH_MS = 5_000;
/** The same while a node is gone, until another one has its slots. */
const REFRESH_OFTEN_MS = 500;

interface Watch {
  readonly queue: QueueRef;
  readonly onWake: OnWake;
  readonly slot: number;
  /** Where it is armed, or is to be. */
  node?: string | undefined;
}

/**
 * `QueueWakeups` of a Redis Cluster: two connections to each node that has a watched queue. CLIENT TRACKING is a node's
 * own, so each queue is armed where its slot is, and again where that goes: on a failover (the node's connections are
 * lost, then the slots name another), and when somebody moves the slot (within 5 s, or as soon as arming is refused).
 */
export class ClusterWakeups implements Wakeups {
  readonly #target: RedisAddress;
  readonly #options: ClusterWakeupsOptions;
  readonly #watches = new Map<string, Watch>();
  /** Of the watches: those that no node takes. */
  readonly #unplaced = new Set<string>();
  readonly #nodes = new Map<string, QueueWakeups>();
  #slots: readonly SlotRange[] = [];
  #refreshing: Promise<void> | undefined;
  #next: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(target: RedisAddress, options: ClusterWakeupsOptions) {
    guardClusterReplies();
    this.#target = target;
    this.#options = options;
  }

  /** Whether changes of every watched queue are reported right now. */
  get live(): boolean {
    if (this.#slots.length === 0 || this.#unplaced.size > 0) return false;
    for (const node of this.#nodes.values()) if (node.size > 0 && !node.live) return false;
    return true;
  }

  get size(): number {
    return this.#watches.size;
  }

  async watch(queue: QueueRef, onWake: OnWake): Promise<ArmedQueue | undefined> {
    const id = queueId(queue);
    const watch: Watch = {
      queue,
      onWake,
      slot: slotOfKey(queueKey(queue, 'wait')),
      node: this.#watches.get(id)?.node,
    };
    this.#watches.set(id, watch);
    if (this.#slots.length === 0) await this.#refresh();
    if (this.#watches.get(id) !== watch) return undefined;
    return await this.#place(id, watch);
  }

  unwatch(queue: QueueRef): void {
    const id = queueId(queue);
    const node = this.#watches.get(id)?.node;
    if (node !== undefined) this.#nodes.get(node)?.unwatch(queue);
    this.#watches.delete(id);
    this.#unplaced.delete(id);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#next);
    this.#watches.clear();
    for (const node of this.#nodes.keys()) this.#closeNode(node);
  }

  /** Arms the queue at the node that has its slot. */
  async #place(id: string, watch: Watch): Promise<ArmedQueue | undefined> {
    const node = nodeOfSlot(this.#slots, watch.slot);
    const key = node && keyOf(node);
    if (watch.node !== undefined && watch.node !== key) this.#nodes.get(watch.node)?.unwatch(watch.queue);
    watch.node = key;
    const wakeups = node && this.#wakeupsOf(node);
    if (!wakeups) {
      this.#unplaced.add(id);
      return undefined;
    }
    this.#unplaced.delete(id);
    return await wakeups.watch(watch.queue, watch.onWake);
  }

  #wakeupsOf(node: HostAndPort): QueueWakeups | undefined {
    const key = keyOf(node);
    const known = this.#nodes.get(key);
    if (known) return known;
    const { mayOpen = () => true, onError = () => {}, onLost = () => {}, clientName } = this.#options;
    if (this.#closed || !mayOpen(key)) return undefined;
    const opened = new QueueWakeups(nodeTarget(this.#target, node), {
      ...(clientName !== undefined && { clientName }),
      onError: (error) => {
        if (isMoved(error)) this.#refreshSoon();
        else onError(error);
      },
      onLost: () => {
        this.#refreshSoon();
        onLost();
      },
    });
    this.#nodes.set(key, opened);
    return opened;
  }

  #closeNode(key: string): void {
    this.#nodes.get(key)?.close();
    this.#nodes.delete(key);
    this.#options.onClosed?.(key);
  }

  #refreshSoon(): void {
    if (!this.#refreshing) this.#refreshAfter(REFRESH_OFTEN_MS);
  }

  #refreshAfter(afterMs: number): void {
    clearTimeout(this.#next);
    if (!this.#closed) this.#next = setTimeout(() => void this.#refresh(), afterMs).unref();
  }

  /** Reads who has which slots; one read at a time. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#readSlots().finally(() => {
      this.#refreshing = undefined;
      this.#refreshAfter(this.live ? REFRESH_MS : REFRESH_OFTEN_MS);
    });
    return this.#refreshing;
  }

  async #readSlots(): Promise<void> {
    if (this.#watches.size === 0) return;
    try {
      this.#slots = parseSlots(await this.#options.readSlots(), this.#target.host);
    } catch (error) {
      this.#options.onError?.(error);
      return;
    }
    if (this.#closed) return;
    for (const [id, watch] of this.#watches) {
      const node = nodeOfSlot(this.#slots, watch.slot);
      if (node && keyOf(node) === watch.node && !this.#unplaced.has(id)) continue;
      // What came while nobody watched is seen by the sample that this asks for.
      void this.#place(id, watch).then((armed) => armed && watch.onWake(watch.queue));
    }
    const masters = new Set(this.#slots.map(({ node }) => keyOf(node)));
    for (const key of this.#nodes.keys()) if (!masters.has(key)) this.#closeNode(key);
  }
}

/** The node as a server of its own. Its certificate is expected to carry what that of the Cluster's address does. */
function nodeTarget(target: RedisAddress, { host, port }: HostAndPort): RedisAddress {
  const { cluster: _, tls, ...login } = target;
  return { ...login, host, port, ...(tls && { tls: { ...tls, serverName: tls.serverName ?? target.host } }) };
}

function keyOf({ host, port }: HostAndPort): string {
  return `${host}:${port}`;
}

/** The node says that it has not, or no longer, the slot of a queue. */
function isMoved(error: unknown): boolean {
  return error instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/.test(error.message);
}
