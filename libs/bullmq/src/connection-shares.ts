/** As many connections are in use as there may be, of a namespace, to a server or in all; nothing was asked of Redis. */
export class ConnectionShareError extends Error {
  override readonly name = 'ConnectionShareError';

  /**
   * The message is for people, and without numbers, which would change.
   *
   * @param server as `describeTarget` gives it.
   */
  constructor(namespace: string, server: string) {
    super(
      `namespace ${namespace}, ${server} or all together have as many connections to Redis in use as their share allows, so this one waits for its turn; fewer different servers and users of Redis make it shorter`,
    );
  }
}

/** How many connections may be open at once. */
export interface ConnectionLimits {
  readonly total: number;
  /** To one server, whoever logs in. */
  readonly perServer: number;
  /** Of one namespace, wherever they lead. */
  readonly perNamespace: number;
  /**
   * A connection is not closed for another before it has been open for so long, ms, so that those in turns do not cost a
   * new connection each time; absent: at once. Only for a namespace that has many fewer.
   */
  readonly keepMs?: number;
}

/** What a connection counts for. */
export interface ConnectionShare {
  readonly server: string;
  readonly namespace: string;
  /** How many it counts as when it is opened, until `weigh` says otherwise; absent: one. */
  readonly weight?: number;
}

/** The use of a connection, until it is ended. */
export interface ConnectionLease {
  /** Idempotent. */
  end(): void;
}

interface Slot {
  readonly server: string;
  namespace: string;
  readonly openedAtMs: number;
  uses: number;
  /** How many it counts as. */
  weight: number;
}

/**
 * Which connections are open, for whom, and which of them make room for others: those that nobody uses now, of the
 * namespace that has the most, the least recently used first. Nobody's connection is closed for one of a namespace that
 * has as many, so that a tenant with 800 Redis targets reuses its own. Pure: no clock, no I/O.
 *
 * A connection that several namespaces use counts for the one of them that has the fewest, as far as it has used it.
 */
export class ConnectionShares {
  readonly #limits: ConnectionLimits;
  /** The least recently used first. */
  readonly #slots = new Map<string, Slot>();
  #total = 0;
  readonly #byNamespace = new Map<string, number>();
  readonly #byServer = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Open ones, by their weight. */
  get size(): number {
    return this.#total;
  }

  /**
   * Begins to use the connection of `key`, which counts as open from now on.
   *
   * @returns the lease, or none when there is no room: all that could make room are in use; and the keys of those to close.
   */
  begin(key: string, share: ConnectionShare, nowMs: number): { lease?: ConnectionLease; close: string[] } {
    const close: string[] = [];
    let slot = this.#slots.get(key);
    if (!slot) {
      if (!this.#makeRoom(share, nowMs, close)) return { close };
      slot = { weight: 1, ...share, openedAtMs: nowMs, uses: 0 };
      this.#count(slot, 1);
    } else if (this.#of(share.namespace) + 1 < this.#of(slot.namespace)) {
      this.#count(slot, -1);
      slot.namespace = share.namespace;
      this.#count(slot, 1);
    }
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    return { lease: this.#lease(slot), close };
  }

  /**
   * The client of `key` holds more connections than one, or fewer than before.
   *
   * @param weight how many it counts as; one client counts as no more than a namespace may have.
   * @returns the keys of those to close, of the same namespace.
   */
  weigh(key: string, weight: number, nowMs: number): string[] {
    const slot = this.#slots.get(key);
    if (!slot) return [];
    this.#count(slot, -1);
    slot.weight = Math.max(1, Math.min(weight, this.#limits.perNamespace));
    this.#count(slot, 1);
    const close: string[] = [];
    while (this.#of(slot.namespace) > this.#limits.perNamespace) {
      const victim = this.#victim(
        slot.namespace,
        nowMs,
        (other) => other !== slot && other.namespace === slot.namespace,
      );
      if (victim === undefined) break;
      close.push(victim);
      this.closed(victim);
    }
    return close;
  }

  /** The connection is closed, whoever uses it. */
  closed(key: string): void {
    const slot = this.#slots.get(key);
    if (!slot) return;
    this.#slots.delete(key);
    this.#count(slot, -1);
  }

  #lease(slot: Slot): ConnectionLease {
    slot.uses++;
    let ended = false;
    return {
      end: () => {
        if (!ended) slot.uses--;
        ended = true;
      },
    };
  }

  /** @param close gets the keys of those that make room, which count as closed from now on. */
  #makeRoom({ server, namespace }: ConnectionShare, nowMs: number, close: string[]): boolean {
    const { total, perServer, perNamespace } = this.#limits;
    const scopes: readonly [isFull: () => boolean, isIn: (slot: Slot) => boolean][] = [
      [() => this.#of(namespace) >= perNamespace, (slot) => slot.namespace === namespace],
      [() => (this.#byServer.get(server) ?? 0) >= perServer, (slot) => slot.server === server],
      [() => this.#total >= total, () => true],
    ];
    for (const [isFull, isIn] of scopes) {
      while (isFull()) {
        const victim = this.#victim(namespace, nowMs, isIn);
        if (victim === undefined) return false;
        close.push(victim);
        this.closed(victim);
      }
    }
    return true;
  }

  #victim(namespace: string, nowMs: number, isIn: (slot: Slot) => boolean): string | undefined {
    const { keepMs = 0 } = this.#limits;
    const ours = this.#of(namespace);
    let victim: string | undefined;
    let most = 0;
    for (const [key, slot] of this.#slots) {
      if (slot.uses > 0 || !isIn(slot)) continue;
      const theirs = this.#of(slot.namespace);
      if (theirs <= most || (theirs <= ours && slot.namespace !== namespace)) continue;
      if (theirs <= ours + 1 && nowMs - slot.openedAtMs < keepMs) continue;
      victim = key;
      most = theirs;
    }
    return victim;
  }

  #of(namespace: string): number {
    return this.#byNamespace.get(namespace) ?? 0;
  }

  #count({ namespace, server, weight }: Slot, sign: 1 | -1): void {
    const delta = sign * weight;
    this.#total += delta;
    for (const [counts, key] of [
      [this.#byNamespace, namespace],
      [this.#byServer, server],
    ] as const) {
      const count = (counts.get(key) ?? 0) + delta;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    }
  }
}
