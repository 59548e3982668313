import type { WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { PoolCondition } from '../kubernetes/reasons.ts';
import type { StatusEvent } from './events.ts';

/** What keeps a pool from its size for this long is reported by an event. */
export const LASTING_MS = 30_000;

interface Spell {
  readonly what: string;
  readonly sinceMs: number;
  reported: boolean;
}

/**
 * Reports what lasts, once: demand that hovers at a limit, or a sample that fails now and then, is not worth an event
 * each time. What it remembers is lost with the process; then an event may be sent again, or half a minute later.
 */
export class LastingStates {
  readonly #spells = new Map<string, Map<string, Spell>>();

  /** The events that are due for `status`, and after how many ms the next will be. */
  observe(pool: WorkerPool, status: WorkerPoolStatus, nowMs: number): { events: StatusEvent[]; dueInMs?: number } {
    const uid = pool.metadata.uid ?? '';
    const before = this.#spells.get(uid);
    const now = new Map<string, Spell>();
    const events: StatusEvent[] = [];
    const waits: number[] = [];
    for (const { type, reason, event } of lastingConditions(status)) {
      const known = before?.get(type);
      const spell = known?.what === reason ? known : begin(pool, type, reason, nowMs);
      now.set(type, spell);
      if (spell.reported) continue;
      const leftMs = spell.sinceMs + LASTING_MS - nowMs;
      if (leftMs > 0) waits.push(leftMs);
      else {
        spell.reported = true;
        events.push(event);
      }
    }
    if (now.size > 0) this.#spells.set(uid, now);
    else this.#spells.delete(uid);
    return { events, ...(waits.length > 0 && { dueInMs: Math.min(...waits) }) };
  }

  forget(uid: string): void {
    this.#spells.delete(uid);
  }
}

/** A state that status has shown for long was reported by an event before this process began. */
function begin(pool: WorkerPool, type: string, reason: string, nowMs: number): Spell {
  const stored = findCondition(pool.status?.conditions, type);
  const storedSinceMs = stored?.reason === reason ? Date.parse(stored.lastTransitionTime) : Number.NaN;
  if (Number.isNaN(storedSinceMs)) return { what: reason, sinceMs: nowMs, reported: false };
  return { what: reason, sinceMs: storedSinceMs, reported: nowMs - storedSinceMs > 2 * LASTING_MS };
}

const TROUBLED = new Set(['SensorFailed', 'StaleData', 'QueueMissing']);

function lastingConditions({ conditions }: WorkerPoolStatus): { type: string; reason: string; event: StatusEvent }[] {
  const active = findCondition(conditions, PoolCondition.ScalingActive);
  const able = findCondition(conditions, PoolCondition.AbleToScale);
  const limited = findCondition(conditions, PoolCondition.ScalingLimited);
  const contested = able?.reason === 'ReplicasContested';
  const held = [active && TROUBLED.has(active.reason) && active, able?.status === 'False' && !contested && able];
  return [
    ...held.flatMap((condition) => (condition ? [{ ...condition, say: 'ScalingHeld' as const }] : [])),
    ...(limited?.reason === 'TooManyReplicas' ? [{ ...limited, say: 'ScalingLimited' as const }] : []),
  ].map(({ type, reason, message, say }) => {
    const text = say === 'ScalingHeld' ? `${reason}: ${message}` : message;
    return { type, reason, event: { type: 'Warning', reason: say, message: text } };
  });
}
