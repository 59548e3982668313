import type { JobDigests } from '@redis-queue/bullmq';
import type { ObjectMemory } from '@redis-queue/controller';

/** Jobs of all queues of an incremental backup: as many as digests are held of. */
export const MOST_JOBS = 1_000_000;

/** Of each queue of a point, as the backup names it, which jobs it had. */
export type PointDigests = ReadonlyMap<string, JobDigests>;

interface Held {
  readonly namespace: string;
  readonly manifestSha256: string;
  readonly digests: PointDigests;
  readonly bytes: number;
}

/**
 * What jobs were like at the newest point of each incremental backup, so that the next one is read without its storage.
 * It is a cache: what is not held any more is read back from the storage. When it is full, the namespace that has the
 * most of it loses what it used least recently, so that no tenant takes it from the others.
 */
export class DigestMemory implements ObjectMemory {
  /** By uid, the least recently used first. */
  readonly #held = new Map<string, Held>();
  readonly #mostBytes: number;

  constructor({ mostBytes }: { readonly mostBytes: number }) {
    this.#mostBytes = mostBytes;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return [...this.#held.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Those of the point with this manifest; undefined: they have to be read back. */
  of(uid: string, manifestSha256: string): PointDigests | undefined {
    const held = this.#held.get(uid);
    if (held?.manifestSha256 !== manifestSha256) return undefined;
    this.#held.delete(uid);
    this.#held.set(uid, held);
    return held.digests;
  }

  /** Holds those of the newest point of a backup, in place of those before. */
  hold(uid: string, namespace: string, manifestSha256: string, digests: PointDigests): void {
    const bytes = [...digests.values()].reduce((sum, each) => sum + each.bytes, 0);
    this.#held.delete(uid);
    this.#held.set(uid, { namespace, manifestSha256, digests, bytes });
    while (this.bytes > this.#mostBytes) this.#held.delete(this.#leastNeeded());
  }

  forget(uid: string): void {
    this.#held.delete(uid);
  }

  #leastNeeded(): string {
    const byNamespace = new Map<string, number>();
    for (const { namespace, bytes } of this.#held.values())
      byNamespace.set(namespace, (byNamespace.get(namespace) ?? 0) + bytes);
    const [[largest] = ['']] = [...byNamespace].toSorted(([, a], [, b]) => b - a);
    return [...this.#held].find(([, { namespace }]) => namespace === largest)?.[0] ?? '';
  }
}
