import { quantityValue } from '@redis-queue/api';
import type { Instant } from '../model/types.ts';
import type { PoolAdvice } from './advise.ts';
import type { AdvisedResources } from './resources.ts';

/** Advice as it was last given, on which spec, and when. */
export interface GivenAdvice {
  readonly advice: PoolAdvice;
  /** `metadata.generation` of the spec. */
  readonly generation: number;
  readonly atMs: Instant;
}

/** For the same spec, advice changes at most this often. */
export const ADVICE_INTERVAL_MS = 600_000;
/** How often the numbers in the message are brought up to date although the advice stays the same. */
const REFRESH_MS = 6 * 3_600_000;
/** Amounts that differ by no more are the same to a reader. */
const SAME = 0.1;

/** The advice to give from now on: what was given before, unless it has to change and it is time for that. */
export function steadyAdvice(
  given: GivenAdvice | undefined,
  advice: PoolAdvice,
  generation: number,
  nowMs: Instant,
): GivenAdvice {
  const next = { advice, generation, atMs: nowMs };
  if (given === undefined || given.generation !== generation) return next;
  const elapsedMs = nowMs - given.atMs;
  const waitMs = isSameAdvice(given.advice, advice) ? REFRESH_MS : ADVICE_INTERVAL_MS;
  return elapsedMs >= waitMs ? next : given;
}

type ComparedAdvice = Pick<PoolAdvice, 'concurrency' | 'resources' | 'eventLoopLagMs'>;

function isSameAdvice(a: ComparedAdvice, b: ComparedAdvice): boolean {
  const [before, after] = [amountsOf(a), amountsOf(b)];
  return (
    before.size === after.size && [...before].every(([name, amount]) => isNear(amount, after.get(name) ?? Number.NaN))
  );
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= SAME * Math.max(a, b);
}

function amountsOf({ concurrency, resources, eventLoopLagMs }: ComparedAdvice): Map<string, number> {
  const of = (kind: keyof AdvisedResources): [string, number][] =>
    Object.entries(resources?.[kind] ?? {}).map(([name, text]) => [`${kind}.${name}`, quantityValue(text) ?? 0]);
  return new Map([
    ...(concurrency === undefined ? [] : [['concurrency', concurrency] as [string, number]]),
    ...(eventLoopLagMs === undefined ? [] : [['eventLoopLagMs', eventLoopLagMs] as [string, number]]),
    ...of('requests'),
    ...of('limits'),
  ]);
}
