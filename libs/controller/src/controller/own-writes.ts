import type { OwnWrite } from '../client/write-journal.ts';
import type { Informer } from '../cache/informer.ts';
import type { Clock } from '../time/clock.ts';
import type { Resource } from '../objects/resources.ts';

/**
 * After this long the reconcile goes on without having seen its write: a server restored from a backup may never show
 * it.
 */
const FAIL_OPEN_MS = 30_000;

/**
 * What each reconciled object's last reconcile wrote, until the caches show it. Deciding on a cache older than one's
 * own write makes second copies and undoes what was just done.
 */
export class OwnWrites {
  readonly #clock: Clock;
  readonly #cachesOf: (write: OwnWrite) => Informer<Resource>[];
  readonly #pending = new Map<string, { writes: OwnWrite[]; since: number }>();

  constructor(clock: Clock, cachesOf: (write: OwnWrite) => Informer<Resource>[]) {
    this.#clock = clock;
    this.#cachesOf = cachesOf;
  }

  note(key: string, write: OwnWrite): void {
    // A type that is not cached is read from the server, which needs no waiting.
    if (this.#cachesOf(write).length === 0) return;
    const pending = this.#pending.get(key);
    if (pending) pending.writes.push(write);
    else this.#pending.set(key, { writes: [write], since: this.#clock.now() });
  }

  /**
   * Resolves with true when the caches show all writes of `key`; with false when they do not by the time `signal`
   * aborts.
   */
  async shown(key: string, signal: AbortSignal): Promise<boolean> {
    const pending = this.#pending.get(key);
    if (!pending) return true;
    const waits = pending.writes.flatMap((write) =>
      this.#cachesOf(write).map((cache) => cache.whenShows(write.key, write.resourceVersion, signal)),
    );
    const results = await Promise.allSettled(waits);
    const shown = results.every((result) => result.status === 'fulfilled');
    if (!shown && this.#clock.now() - pending.since < FAIL_OPEN_MS) return false;
    this.#pending.delete(key);
    return true;
  }
}
