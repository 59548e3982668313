import type { ObjectEvent } from './event-types.ts';
import { LruMap } from './lru-map.ts';

/** What to do for an event: create it, raise the count of one written before, or nothing. */
export type EventPlan =
  | { action: 'create'; id: string; message: string; firstMs: number }
  | { action: 'count'; id: string; name: string; message: string; count: number }
  | { action: 'drop' };

interface Written {
  name: string | undefined;
  count: number;
}

interface Similar {
  messages: Set<string>;
  lastMs: number;
}

interface Bucket {
  tokens: number;
  refilledMs: number;
}

// As in client-go's tools/record.
const CAPACITY = 4096;
const SIMILAR_BEFORE_COMBINED = 10;
const SIMILAR_WINDOW_MS = 600_000;
const BURST = 25;
const REFILL_MS = 300_000;

/**
 * Keeps events few, as client-go does: equal ones are counted, more than ten similar ones (same reason, other message)
 * within ten minutes become one, and an object gets at most 25 at once and one more every five minutes. Unlike in
 * client-go, warnings and normal events are limited separately, so that the events of a pool whose size changes often
 * do not silence its warnings. Memory is bounded. Pure: time is a parameter.
 */
export class EventCorrelator {
  readonly #written = new LruMap<string, Written>(CAPACITY);
  readonly #similar = new LruMap<string, Similar>(CAPACITY);
  readonly #buckets = new LruMap<string, Bucket>(CAPACITY);

  plan(objectId: string, event: ObjectEvent, nowMs: number): EventPlan {
    const { id, message } = this.#combine(objectId, event, nowMs);
    if (!this.#spend(`${event.type} ${objectId}`, nowMs)) return { action: 'drop' };
    const written = this.#written.get(id);
    if (written?.name === undefined) {
      this.#written.set(id, { name: undefined, count: 1 });
      return { action: 'create', id, message, firstMs: nowMs };
    }
    written.count++;
    return { action: 'count', id, name: written.name, message, count: written.count };
  }

  /** The event planned as `id` exists under `name`. */
  created(id: string, name: string): void {
    this.#written.set(id, { name, count: 1 });
  }

  /** It does not exist any more: the next one is created again. */
  gone(id: string): void {
    this.#written.delete(id);
  }

  #combine(objectId: string, event: ObjectEvent, nowMs: number): { id: string; message: string } {
    const family = [objectId, event.type, event.reason].join('\u0000');
    let similar = this.#similar.get(family);
    if (!similar || nowMs - similar.lastMs > SIMILAR_WINDOW_MS) similar = { messages: new Set(), lastMs: nowMs };
    similar.lastMs = nowMs;
    if (similar.messages.size <= SIMILAR_BEFORE_COMBINED) similar.messages.add(event.message);
    this.#similar.set(family, similar);
    if (similar.messages.size <= SIMILAR_BEFORE_COMBINED) {
      return { id: `${family}\u0000${event.message}`, message: event.message };
    }
    return { id: family, message: `(combined from similar events): ${event.message}` };
  }

  #spend(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, refilledMs: nowMs };
    const refill = (nowMs - bucket.refilledMs) / REFILL_MS;
    const tokens = Math.min(BURST, bucket.tokens + refill);
    const spent = tokens >= 1;
    this.#buckets.set(key, { tokens: spent ? tokens - 1 : tokens, refilledMs: nowMs });
    return spent;
  }
}
