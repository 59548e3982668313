import type { Scaler } from '../simulation/scaler.ts';

/** The same pods from the beginning on. */
export function fixedFleet(replicas: number): Scaler {
  return {
    name: `fixed ${replicas}`,
    victims: 'newest',
    applyMs: 0,
    tick: ({ nowMs }) => ({ desired: replicas, nextMs: nowMs + 60_000 }),
  };
}
