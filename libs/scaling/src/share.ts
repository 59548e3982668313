import { queueDemand } from './demand.ts';
import type { QueueLoad } from './model/types.ts';

/** Jobs that a pool, or all pools of a queue, can run at once: now, and at most. */
export interface Slots {
  readonly present: number;
  readonly most: number;
}

/**
 * A queue's load as one of its pools sees it: with the part that is the pool's.
 *
 * @param all of all pools that work on the queue, this one among them.
 */
export function loadOfPool(
  load: Omit<QueueLoad, 'share'>,
  { own, all, waitTargetMs }: { own: Slots; all: Slots; waitTargetMs: number | undefined },
): QueueLoad {
  const whole = { ...load, share: 1 };
  if (all.most <= own.most) return whole;
  return { ...load, share: shareOfQueue(own, all, queueDemand(whole, waitTargetMs).slots) };
}

/**
 * The part of a queue's work that is a pool's, 0..1. What the slots that there are can do is theirs, in equal parts: no
 * pool gives up what it runs because another one comes. What they cannot do goes to the pools by the room that they have.
 * As both follow from sizes that do not change until somebody needs more, or less, pools do not chase each other.
 *
 * @param demanded slots that the whole queue asks for.
 */
export function shareOfQueue(own: Slots, all: Slots, demanded: number): number {
  const present = Math.max(all.present, own.present);
  if (demanded <= present) return present > 0 ? own.present / present : own.most / all.most;
  const room = (slots: Slots): number => Math.max(0, slots.most - slots.present);
  const part = room(all) > 0 ? Math.min(1, room(own) / room(all)) : own.most / all.most;
  return (own.present + (demanded - present) * part) / demanded;
}
