import { expect, it } from 'vitest';
import {
  CERTIFICATE_TIMES,
  planCertificates,
  type CertificateStep,
  type StoredCertificates,
  type StoredLeaf,
} from './certificate-plan.ts';

const HOUR = 3_600_000;
const { validMs, publishedMs } = CERTIFICATE_TIMES;
const leaf = (name: string, madeMs: number, rest: Partial<StoredLeaf> = {}): StoredLeaf => ({
  cert: `${name}\n`,
  key: `key of ${name}\n`,
  ca: `CA of ${name}\n`,
  notBeforeMs: madeMs,
  notAfterMs: madeMs + validMs,
  fits: true,
  ...rest,
});
const NOTHING: StoredCertificates = {
  served: undefined,
  next: undefined,
  bundle: [],
  publishedAtMs: undefined,
  servedAtMs: undefined,
};

/** The store after a step, as `apply` leaves it; what is published moves with `publish` alone. */
class World {
  nowMs = 1_000 * HOUR;
  stored = NOTHING;
  published = [''];
  made = 0;

  plan(): ReturnType<typeof planCertificates> {
    return planCertificates(this.stored, this.published, this.nowMs);
  }

  apply({ kind }: CertificateStep): void {
    const { stored, nowMs } = this;
    const fresh = (): StoredLeaf => leaf(`leaf ${++this.made}`, nowMs);
    switch (kind) {
      case 'begin': {
        const served = fresh();
        this.stored = { ...NOTHING, served, bundle: [served.ca], servedAtMs: nowMs };
        return;
      }
      case 'prepare': {
        const next = fresh();
        this.stored = { ...stored, next, bundle: [stored.served!.ca, next.ca], publishedAtMs: undefined };
        return;
      }
      case 'publish':
        this.published = this.published.map(() => stored.bundle.join(''));
        return;
      case 'notePublished':
        this.stored = { ...stored, publishedAtMs: nowMs };
        return;
      case 'promote':
        this.stored = { ...stored, served: stored.next, next: undefined, publishedAtMs: undefined, servedAtMs: nowMs };
        return;
      case 'retire':
        this.stored = { ...stored, bundle: [stored.served!.ca] };
        return;
      default:
        kind satisfies never;
    }
  }

  /** Takes steps until there is none, then waits as long as it is told to. */
  run(untilMs: number, check: () => void): string[] {
    const done: string[] = [];
    while (this.nowMs < untilMs) {
      const { step, lookAgainMs } = this.plan();
      if (step) {
        done.push(step.kind);
        this.apply(step);
      } else {
        if (lookAgainMs <= 0) throw new Error('nothing to do, and to be looked at again at once');
        this.nowMs += lookAgainMs;
      }
      check();
    }
    return done;
  }
}

it('over ten days what is served is valid, and its CA has been published for two minutes before it is served', () => {
  const world = new World();
  let [servedBefore, publishedSinceMs] = [undefined as StoredLeaf | undefined, new Map<string, number>()];
  const publishedForMs: number[] = [];
  const steps = world.run(world.nowMs + 240 * HOUR, () => {
    const { served } = world.stored;
    expect(served?.notAfterMs).toBeGreaterThan(world.nowMs);
    for (const ca of world.stored.bundle)
      if (world.published[0]!.includes(ca) && !publishedSinceMs.has(ca)) publishedSinceMs.set(ca, world.nowMs);
    if (served !== servedBefore && servedBefore) publishedForMs.push(world.nowMs - publishedSinceMs.get(served!.ca)!);
    servedBefore = served;
    expect(world.stored.bundle.length).toBeLessThanOrEqual(2);
  });
  expect(Math.min(...publishedForMs)).toBeGreaterThanOrEqual(publishedMs);
  expect(steps.slice(0, 2)).toEqual(['begin', 'publish']);
  const cycle = ['prepare', 'publish', 'notePublished', 'promote', 'retire', 'publish'];
  expect(steps.slice(2, 2 + cycle.length)).toEqual(cycle);
  expect(steps.length).toBeLessThan(2 + 16 * cycle.length);
});

it('what cannot be served is replaced at once, by the next one where that can be', () => {
  const nowMs = 1_000 * HOUR;
  const old = leaf('old', nowMs - 25 * HOUR);
  const next = leaf('next', nowMs - HOUR);
  const step = (stored: Partial<StoredCertificates>): string | undefined =>
    planCertificates({ ...NOTHING, ...stored }, [], nowMs).step?.kind;
  expect(step({})).toBe('begin');
  expect(step({ served: old, bundle: [old.ca] })).toBe('begin');
  expect(step({ served: old, next, bundle: [old.ca, next.ca] })).toBe('promote');
  const foreign = leaf('foreign', nowMs - HOUR, { fits: false });
  expect(step({ served: foreign, bundle: [foreign.ca] })).toBe('begin');
  expect(step({ served: next, bundle: [] })).toBe('begin');
});

it('a bundle that somebody took away is published again, and a wait is never longer than five minutes', () => {
  const world = new World();
  world.run(world.nowMs + HOUR, () => undefined);
  world.published = ['', world.published[0]!];
  expect(world.plan().step).toEqual({ kind: 'publish' });
  world.apply({ kind: 'publish' });
  expect(world.plan()).toEqual({ step: undefined, lookAgainMs: 300_000 });
});
