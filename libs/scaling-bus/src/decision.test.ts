import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isExpired, parseDecision, SCHEMA_VERSION, scalingDecisionSchema } from './decision.ts';

/** What a release publishes, byte for byte. A file is never changed: each minor version gets its own. */
function fixture(version: string): Record<string, unknown> {
  const file = new URL(`./fixtures/decision-${version}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
}
const released = fixture('1.0');
const current = fixture('1.5');

it.each(['1.0', '1.1', '1.2', '1.3', '1.4', '1.5'])('reads every field of what schema %s publishes', (version) => {
  expect(parseDecision(fixture(version))).toEqual({ ok: true, decision: fixture(version) });
});

it('still writes the major that the previous release reads, and a fixture has every field', () => {
  expect(SCHEMA_VERSION).toBe(current['schemaVersion']);
  expect(Object.keys(scalingDecisionSchema.shape).toSorted()).toEqual(
    Object.keys({ ...current, heldBy: '' }).toSorted(),
  );
});

it.each([
  { advice: 'buy more' },
  { advice: { concurrency: 0, message: 'm', pods: 1, since: 1 } },
  { advice: { message: 'm', pods: 1, since: 1, resources: { requests: { cpu: 1 } } } },
  // A safe integer, and no date.
  { advice: { message: 'm', pods: 1, since: 9e15 } },
])('acts on a decision although its advice is not understood: %j', (odd) => {
  expect(parseDecision({ ...released, ...odd })).toEqual({ ok: true, decision: released });
});

it('acts on a decision although it is not understood which queue nobody consumes', () => {
  const signals = [{ queue: 'emails', depth: 12, notConsumedMs: 'long', freeSlots: -1 }];
  const parsed = parseDecision({ ...released, signals });
  expect(parsed).toMatchObject({ ok: true, decision: { signals: [{ queue: 'emails', depth: 12 }] } });
});

it('ignores fields that a later minor adds', () => {
  const later = {
    ...released,
    schemaVersion: '1.7',
    zone: 'a',
    pool: { ...(released['pool'] as object), cluster: 'x' },
  };
  expect(parseDecision(later)).toEqual({ ok: true, decision: { ...released, schemaVersion: '1.7' } });
});

it('drops another major and says what to upgrade, whatever its fields look like', () => {
  expect(parseDecision({ schemaVersion: '2.0', entirely: 'new' })).toMatchObject({
    ok: false,
    reason: 'unknown-version',
    message: expect.stringContaining('upgrade the workerpool-controller') as string,
  });
});

it('reports whose decision of another major it was, where the payload names a pool, and trusts nothing else of it', () => {
  const pool = { namespace: 'team-a', name: 'mail', uid: 'a-1' };
  const later = { schemaVersion: '2.0', pool: { ...pool, cluster: 'x' }, desiredReplicas: 'many' };
  expect(parseDecision(later)).toMatchObject({ ok: false, pool });
  for (const odd of [undefined, 'mail', { ...pool, uid: 7 }, { ...pool, uid: 'a:b' }, { ...pool, name: '' }]) {
    expect(parseDecision({ ...later, pool: odd })).not.toHaveProperty('pool');
  }
});

it.each<[string, object]>([
  ['desiredReplicas', { desiredReplicas: -1 }],
  ['desiredReplicas', { desiredReplicas: 10_001 }],
  ['desiredReplicas', { desiredReplicas: 1.5 }],
  ['desiredReplicas', { desiredReplicas: undefined }],
  ['sequence', { sequence: '42' }],
  ['expiresAt', { expiresAt: null }],
  ['reason', { reason: '' }],
  ['confidence', { confidence: 2 }],
  ['schemaVersion', { schemaVersion: undefined }],
  ['schemaVersion', { schemaVersion: 1 }],
  ['pool.uid', { pool: { ...(released['pool'] as object), uid: 'a:b' } }],
])('refuses a decision whose %s is not valid and names the field: %j', (field, change) => {
  expect(parseDecision({ ...released, ...change })).toMatchObject({
    ok: false,
    reason: 'malformed',
    message: expect.stringContaining(field) as string,
  });
});

it.each([undefined, null, 7, 'text', []])('takes %j for malformed instead of throwing', (payload) => {
  expect(parseDecision(payload)).toMatchObject({ ok: false, reason: 'malformed' });
});

it('is expired from its expiry on', () => {
  expect([isExpired({ expiresAt: 10 }, 9), isExpired({ expiresAt: 10 }, 10)]).toEqual([false, true]);
});
