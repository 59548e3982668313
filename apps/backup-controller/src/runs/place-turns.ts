import { FairPool } from '@redis-queue/controller';

/** One that waits for a place, or has one. */
export interface PlaceTurn {
  readonly namespace: string;
  /** Somebody waits for its queues: it goes before what else waits of its namespace, and has a share of its own. */
  readonly isUrgent: boolean;
}

interface Waiting extends PlaceTurn {
  /** With which it waits; that of another one, once this one's was used for one that came before it. */
  ticket: Ticket;
  readonly begin: () => Promise<void>;
}

/** A turn in the pool. */
interface Ticket {
  waiting?: Waiting;
  readonly task: { readonly path: readonly [share: string]; readonly last: false; readonly run: () => Promise<void> };
}

/** What waits of a namespace, in the order in which it came. */
interface Line {
  readonly urgent: Set<Waiting>;
  readonly others: Set<Waiting>;
}

/**
 * So many places, given in turns by share: a namespace has one, and one more for what is urgent in it, so that a restore
 * does not wait for backups of its namespace to end while places are free. None has more than half of what is free, so
 * that a namespace with both leaves a place to others.
 */
export class PlaceTurns {
  readonly #pool: FairPool;
  /** By namespace. */
  readonly #lines = new Map<string, Line>();

  /** @param capacity runs at once */
  constructor(capacity: number) {
    this.#pool = new FairPool(capacity);
  }

  /**
   * Calls `body` when it is its turn, and waits for its end, whatever `signal` says by then.
   *
   * @param signal gives it up while it waits: nothing of it is held then.
   * @throws the reason of `signal`; what `body` throws.
   */
  async run<T>(turn: PlaceTurn, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const begin = (): Promise<void> => {
      signal.removeEventListener('abort', giveUp);
      const ran = body();
      resolve(ran);
      return ran.then(
        () => undefined,
        () => undefined,
      );
    };
    const waiting = this.#wait(turn, begin);
    const giveUp = (): void => {
      this.#pool.giveUpWaiting([waiting.ticket.task]);
      this.#leave(waiting);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    void this.#pool.run(waiting.ticket.task);
    return await promise;
  }

  #wait(turn: PlaceTurn, begin: () => Promise<void>): Waiting {
    const { namespace, isUrgent } = turn;
    const ticket: Ticket = { task: { path: [shareOf(turn)], last: false, run: () => this.#serve(ticket) } };
    const waiting: Waiting = { namespace, isUrgent, begin, ticket };
    ticket.waiting = waiting;
    const line = this.#lines.get(namespace) ?? { urgent: new Set(), others: new Set() };
    this.#lines.set(namespace, line);
    (isUrgent ? line.urgent : line.others).add(waiting);
    return waiting;
  }

  /** Who came first of its namespace, of what is urgent if that waits; whose ticket it was goes on with that one's. */
  async #serve(ticket: Ticket): Promise<void> {
    const { waiting } = ticket;
    const line = waiting && this.#lines.get(waiting.namespace);
    if (!waiting || !line) return;
    const [first] = line.urgent.size > 0 ? line.urgent : line.others;
    if (!first) return;
    waiting.ticket = first.ticket;
    waiting.ticket.waiting = waiting;
    this.#leave(first);
    await first.begin();
  }

  #leave(waiting: Waiting): void {
    const line = this.#lines.get(waiting.namespace);
    if (!line) return;
    line.urgent.delete(waiting);
    line.others.delete(waiting);
    if (line.urgent.size + line.others.size === 0) this.#lines.delete(waiting.namespace);
  }
}

/** A namespace has no space in its name. */
export function shareOf({ namespace, isUrgent }: PlaceTurn): string {
  return isUrgent ? `${namespace} urgent` : namespace;
}
