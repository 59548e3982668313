import type { QueueLoad } from './model/types.ts';

/** Jobs of these queues that a worker runs; those of workers that are gone hold no slot. */
export function busySlots(loads: readonly QueueLoad[]): number {
  return loads.reduce((sum, { active, orphaned = 0 }) => sum + active - orphaned, 0);
}
