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

/** Connections that are counted together. */
interface Scope {
  readonly most: number;
  readonly size: () => number;
  readonly isIn: (slot: Slot) => boolean;
}

/**
 * Which connections are open, for whom, and which of them make room for others: those that nobody uses now, of the
 * namespace that has the most, the least recently used first. Nobody's connection is closed for one of a namespace that
 * has as many, so that a tenant with 800 Redis targets reuses its own, and nothing is closed unless it makes enough room.
 * A client that turns out to hold more than its namespace has left is closed itself. Pure: no clock, no I/O.
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
   * @returns the lease, and the keys of those to close; no lease, and none to close, when there is no room: those that are
   * not in use would not make enough.
   */
  begin(key: string, share: ConnectionShare, nowMs: number): { lease?: ConnectionLease; close: string[] } {
    let close: string[] = [];
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { ...share, weight: this.#bounded(share.weight ?? 1), openedAtMs: nowMs, uses: 0 };
      const room = this.#makeRoom(slot, nowMs, this.#scopesOf(slot), 0);
      if (!room) return { close: [] };
      close = room;
    } else if (this.#of(share.namespace) + slot.weight < this.#of(slot.namespace)) {
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
   * @returns the keys of those to close: others that are not in use, or this one, although it is, when they would not make
   * enough room.
   */
  weigh(key: string, weight: number, nowMs: number): string[] {
    const slot = this.#slots.get(key);
    if (!slot) return [];
    this.#count(slot, -1);
    slot.weight = this.#bounded(weight);
    // Not of its server: the nodes of a Redis Cluster are servers of their own.
    const [ofNamespace, , inAll] = this.#scopesOf(slot);
    const room = this.#makeRoom(slot, nowMs, [ofNamespace, inAll], slot.weight - 1);
    if (room) return room;
    this.#slots.delete(key);
    return [key];
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

  #bounded(weight: number): number {
    const { total, perServer, perNamespace } = this.#limits;
    return Math.max(1, Math.min(weight, total, perServer, perNamespace));
  }

  #scopesOf({ server, namespace }: Slot): readonly [ofNamespace: Scope, ofServer: Scope, inAll: Scope] {
    const { total, perServer, perNamespace } = this.#limits;
    return [
      { most: perNamespace, size: () => this.#of(namespace), isIn: (slot) => slot.namespace === namespace },
      { most: perServer, size: () => this.#byServer.get(server) ?? 0, isIn: (slot) => slot.server === server },
      { most: total, size: () => this.#total, isIn: () => true },
    ];
  }

  /**
   * Counts `slot` when there is room for it, or enough that could be closed.
   *
   * @param extra how many its namespace counts for beside those that it has, when it is compared with others: one that
   * opens a Cluster is not refused by many who have one each, but one that grows takes from nobody who has fewer.
   * @returns the keys of those to close, which count as closed from now on; undefined when they would not be enough:
   * then nothing has changed.
   */
  #makeRoom(slot: Slot, nowMs: number, scopes: readonly Scope[], extra: number): string[] | undefined {
    const victims = new Map<string, Slot>();
    for (const { most, size, isIn } of scopes) {
      while (size() + slot.weight > most) {
        const ours = this.#of(slot.namespace) + extra;
        const victim = this.#victim(
          slot.namespace,
          ours,
          nowMs,
          (key, other) => other !== slot && isIn(other) && !victims.has(key),
        );
        if (!victim) {
          for (const spared of victims.values()) this.#count(spared, 1);
          return undefined;
        }
        victims.set(...victim);
        this.#count(victim[1], -1);
      }
    }
    for (const key of victims.keys()) this.#slots.delete(key);
    this.#count(slot, 1);
    return [...victims.keys()];
  }

  #victim(
    namespace: string,
    ours: number,
    nowMs: number,
    mayBe: (key: string, slot: Slot) => boolean,
  ): readonly [key: string, slot: Slot] | undefined {
    const { keepMs = 0 } = this.#limits;
    let victim: readonly [string, Slot] | undefined;
    let most = 0;
    for (const [key, slot] of this.#slots) {
      if (slot.uses > 0 || !mayBe(key, slot)) continue;
      const theirs = this.#of(slot.namespace);
      if (theirs <= most || (theirs <= ours && slot.namespace !== namespace)) continue;
      if (theirs <= ours + 1 && nowMs - slot.openedAtMs < keepMs) continue;
      victim = [key, slot];
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
