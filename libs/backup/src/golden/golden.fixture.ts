import { jobs } from '../backup/sample-backup.fixture.ts';
import { recordsOfState } from '../backup/sample-chain.fixture.ts';
import type { JsonRecord } from '../parts/lines.ts';

/** 32 bytes of 0x2a. */
export const GOLDEN_KEY = Buffer.alloc(32, 0x2a).toString('base64');

/** What the backups `encrypted` and `plain` beside this file hold, in order. They are never written again. */
export const GOLDEN_QUEUES: Readonly<Record<string, readonly JsonRecord[]>> = {
  emails: jobs('emails', 40),
  Überweisung: jobs('orders', 15),
};

export function goldenRecords(): JsonRecord[] {
  return Object.values(GOLDEN_QUEUES).flat();
}

/**
 * The states of both queues at the three points of the chains `encrypted-chain` and `plain-chain`: of the jobs of the
 * first one, some change, go and come.
 */
export const GOLDEN_STATES = [0, 1, 2].map((point) => ({
  emails: stateOf('emails', 40, point),
  Überweisung: stateOf('orders', 15, point),
}));

/** What the newest point gives, its jobs in any order. */
export function goldenChainRecords(): JsonRecord[] {
  return Object.values(GOLDEN_STATES[2]!).flatMap((state) => recordsOfState(state));
}

function stateOf(name: string, count: number, point: number): Readonly<Record<string, number>> {
  const present = Array.from({ length: count + point }, (_, id) => id).filter((id) => id >= 2 * point);
  return Object.fromEntries(present.map((id) => [`${name}-${id}`, Math.min(point, id % 3)]));
}
