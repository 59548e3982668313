import type { BackupWriter } from '@redis-queue/backup';
import { checkSnapshot, connectionKey, deadLetterQueue, queueId } from '@redis-queue/bullmq';
import { withRedis, type RunRedis } from '../access/redis.ts';
import { redisInWords } from './failures.ts';
import { mayPass, postponedBy, unreadBy, unresolved, type QueueLeftOut, type Unread } from './left-out.ts';
import { ReadingOfLetters } from './reading-of-letters.ts';
import { readQueue, type QueueResult, type QueueSource, type ReadQueueOptions } from './read-queue.ts';

export interface ReadQueuesOptions extends Omit<ReadQueueOptions, 'queuesDone' | keyof OfLetters> {
  readonly queues: readonly QueueSource[];
  /** Queues to whose Redis there is no way, with the reason. */
  readonly unresolved?: readonly QueueLeftOut[] | undefined;
  /** Whether queues that may be readable soon are waited for, in a run of its own, before the others are read without. */
  readonly waits?: boolean | undefined;
}

export interface ReadQueues {
  readonly read: readonly QueueResult[];
  readonly leftOut: readonly QueueLeftOut[];
}

type OfLetters = Pick<ReadQueueOptions, 'readLetters' | 'beforeLastLook'>;

/** A queue, and its dead letters where they go along: they are read as one. */
interface Unit {
  readonly queue: QueueSource;
  readonly letters: QueueSource | undefined;
}

/**
 * Writes queues into a backup, one after the other. Those that cannot be read are left out, and tried once more in the end
 * where that may have passed.
 *
 * @throws what ends the whole of it, as a storage that fails; of queues none of which can be read, what the first one ends
 * with; PostponedError.
 */
export async function readQueues(writer: BackupWriter, options: ReadQueuesOptions): Promise<ReadQueues> {
  return await new QueuesReader(writer, options).readAll();
}

/** Reasons for which no other queue at the same Redis can be read either. */
const OF_SERVER: ReadonlySet<string> = new Set(['RedisUnreachable', 'RedisAuthFailed']);

class QueuesReader {
  readonly #writer: BackupWriter;
  readonly #options: ReadQueuesOptions;
  readonly #read = new Map<string, QueueResult>();
  readonly #unread = new Map<string, Unread>();
  /** By server: what each queue there ends with, as one of them did. */
  #down = new Map<string, Unread>();
  /** What ends all of it, though it was thrown while a queue was read. */
  #fatal: { readonly error: unknown } | undefined;

  constructor(writer: BackupWriter, options: ReadQueuesOptions) {
    this.#writer = writer;
    this.#options = options;
    for (const each of options.unresolved ?? []) this.#unread.set(each.name, unresolved(each));
  }

  async readAll(): Promise<ReadQueues> {
    const { queues } = this.#options;
    const units = unitsOf(queues);
    if (queues.length + this.#unread.size > 1) await this.#checkAll(units);
    for (const unit of units) {
      const isReadable = [unit.queue, unit.letters].some((queue) => queue && !this.#unread.has(queue.name));
      // oxlint-disable-next-line no-await-in-loop -- one after the other: memory is bounded by the parts of two
      if (isReadable) await this.#readUnit(unit);
    }
    this.#down = new Map();
    // The next point comes soon, and is not to wait.
    for (const unit of this.#read.size > 0 && !this.#options.changes ? units : []) {
      const again = [unit.queue, unit.letters].some((queue) => this.#mayPass(queue));
      // oxlint-disable-next-line no-await-in-loop
      if (again) await this.#readUnit(unit, (queue) => this.#mayPass(queue));
    }
    this.#assertAny(units, ({ name }) => this.#read.has(name));
    return {
      read: queues.map(({ name }) => this.#read.get(name)).filter((result) => result !== undefined),
      leftOut: [...this.#unread.values()]
        .map(({ name, reason, message }) => ({ name, reason, message }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    };
  }

  /** Nothing is read in vain for one that is to be waited for, or where none can be read. */
  async #checkAll(units: readonly Unit[]): Promise<void> {
    const { queues, signal, waits } = this.#options;
    for (const { name, ref, target } of queues)
      // oxlint-disable-next-line no-await-in-loop -- as they are read
      await this.#attempt({ name, target }, () =>
        withRedis(target, signal, (access) =>
          redisInWords(name, access, () => checkSnapshot(access.redis, ref, { signal })),
        ),
      );
    this.#assertAny(units, ({ name }) => !this.#unread.has(name));
    const passing = waits ? [...this.#unread.values()].find(mayPass) : undefined;
    if (passing) throw postponedBy(passing);
  }

  /** A backup of dead letters alone is none. */
  #assertAny(units: readonly Unit[], isRead: (queue: QueueSource) => boolean): void {
    const [first] = this.#unread.values();
    if (first && !units.some(({ queue }) => isRead(queue))) throw first.error;
  }

  #mayPass(queue: QueueSource | undefined): boolean {
    const unread = queue && this.#unread.get(queue.name);
    return unread !== undefined && mayPass(unread);
  }

  /**
   * Reads a queue and its dead letters as one: what a redrive puts back from the one into the other meanwhile is in the
   * backup, also if it has died again since, for which the letters are looked through once more in the end. A job that the
   * mover moves meanwhile is in both.
   */
  async #readUnit(
    { queue, letters }: Unit,
    isWanted = (each: QueueSource): boolean => !this.#unread.has(each.name),
  ): Promise<void> {
    const { target } = queue;
    await withRedis(target, this.#options.signal, async (access) => {
      if (!letters || !isWanted(letters)) {
        await this.#readOne(queue, access);
        return;
      }
      const reading = new ReadingOfLetters((of) => this.#readOne(letters, access, of));
      try {
        if (isWanted(queue)) await this.#readOne(queue, access, { readLetters: () => reading.begin() });
      } finally {
        await reading.finish();
      }
    });
  }

  async #readOne(queue: QueueSource, access: RunRedis, ofLetters: OfLetters = {}): Promise<void> {
    const queuesDone = this.#read.size;
    await this.#attempt(queue, async () => {
      const result = await readQueue(this.#writer, queue, access, { ...this.#options, queuesDone, ...ofLetters });
      this.#read.set(queue.name, result);
      this.#unread.delete(queue.name);
    });
  }

  /** Notes the queue as unread if the call ends for its sake. @throws what else ends it. */
  async #attempt({ name, target }: Pick<QueueSource, 'name' | 'target'>, call: () => Promise<void>): Promise<void> {
    const { signal } = this.#options;
    // Letters that nobody has begun to read come last: not after what has ended all of it.
    signal.throwIfAborted();
    if (this.#fatal) throw this.#fatal.error;
    const server = connectionKey(target);
    const down = this.#down.get(server);
    if (down) {
      this.#unread.set(name, { ...down, name });
      return;
    }
    try {
      await call();
    } catch (error) {
      signal.throwIfAborted();
      const unread = this.#fatal ? undefined : unreadBy(name, error);
      if (!unread) {
        this.#fatal ??= { error };
        throw this.#fatal.error;
      }
      this.#unread.set(name, unread);
      if (OF_SERVER.has(unread.reason)) this.#down.set(server, unread);
    }
  }
}

function unitsOf(queues: readonly QueueSource[]): Unit[] {
  const units: Unit[] = [];
  for (let at = 0; at < queues.length; at += units.at(-1)?.letters ? 2 : 1) {
    const [queue, next] = queues.slice(at, at + 2) as [QueueSource, QueueSource?];
    units.push({ queue, letters: next && isOfLetters(next, queue) ? next : undefined });
  }
  return units;
}

function isOfLetters({ ref, target }: QueueSource, queue: QueueSource): boolean {
  return queueId(ref) === queueId(deadLetterQueue(queue.ref)) && connectionKey(target) === connectionKey(queue.target);
}
