import { quantityValue } from '@redis-queue/api';
import type { Instant } from '../model/types.ts';
import type { PoolAdvice } from './advise.ts';
import type { AdvisedResources } from './resources.ts';

/** Advice as it was last published, on which spec, and when. */
export interface PublishedAdvice {
  readonly advice: PoolAdvice;
  /** `metadata.generation` of the spec. */
  readonly generation: number;
  readonly atMs: Instant;
}

/** Advice alone changes at most so often. */
export const ADVICE_INTERVAL_MS = 600_000;
/** The numbers in the message are brought up to date so often though they say the same. */
const REFRESH_MS = 6 * 3_600_000;
/** Amounts that differ by no more are the same to a reader. */
const SAME = 0.1;

/** The advice to publish from now on: what was published before, unless something else has to be said and it is time for it. */
export function steadyAdvice(
  published: PublishedAdvice | undefined,
  advice: PoolAdvice,
  generation: number,
  nowMs: Instant,
): PublishedAdvice {
  const next = { advice, generation, atMs: nowMs };
  if (published === undefined || published.generation !== generation) return next;
  const elapsedMs = nowMs - published.atMs;
  const waitMs = isSameAdvice(published.advice, advice) ? REFRESH_MS : ADVICE_INTERVAL_MS;
  return elapsedMs >= waitMs ? next : published;
}

export function isSameAdvice(
  a: Pick<PoolAdvice, 'concurrency' | 'resources'>,
  b: Pick<PoolAdvice, 'concurrency' | 'resources'>,
): boolean {
  const [before, after] = [amountsOf(a), amountsOf(b)];
  return (
    before.size === after.size && [...before].every(([name, amount]) => isNear(amount, after.get(name) ?? Number.NaN))
  );
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= SAME * Math.max(a, b);
}

function amountsOf({ concurrency, resources }: Pick<PoolAdvice, 'concurrency' | 'resources'>): Map<string, number> {
  const of = (kind: keyof AdvisedResources): [string, number][] =>
    Object.entries(resources?.[kind] ?? {}).map(([name, text]) => [`${kind}.${name}`, quantityValue(text) ?? 0]);
  return new Map([
    ...(concurrency === undefined ? [] : [['concurrency', concurrency] as [string, number]]),
    ...of('requests'),
    ...of('limits'),
  ]);
}
