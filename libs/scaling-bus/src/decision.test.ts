import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isExpired, parseDecision, SCHEMA_VERSION, scalingDecisionSchema } from './decision.ts';

/** What release 0.1.0 publishes, byte for byte. It may only be added to: another file a release. */
const released = JSON.parse(readFileSync(new URL('./fixtures/decision-1.0.json', import.meta.url), 'utf8')) as Record<
  string,
  unknown
>;

it('reads every field of what the previous release publishes', () => {
  expect(parseDecision(released)).toEqual({ ok: true, decision: released });
});

it('still writes the major that the previous release reads', () => {
  expect(SCHEMA_VERSION).toMatch(/^1\./);
  expect(Object.keys(scalingDecisionSchema.shape).toSorted()).toEqual(
    Object.keys({ ...released, heldBy: '' }).toSorted(),
  );
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

it('tells whose decision of another major it was, where the payload names a pool, and trusts nothing else of it', () => {
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
