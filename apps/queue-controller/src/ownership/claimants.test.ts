import type { Queue } from '@redis-queue/api';
import { connectionKey } from '@redis-queue/bullmq';
import type { SecretSources } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import { byAge, findClaimants, mayClaim, olderThan, type Claimant, type Login } from './claimants.ts';
import { queueObject } from '../testing/queues.ts';

// Wall 1: who can write Queues and Secrets in one namespace takes no queue of another's out of governance.

const target = { host: 'redis', port: 6379, password: 'right' };
const OURS = connectionKey(target);
const passwords: Record<string, string> = {};
let secretsRead = 0;
const secrets: SecretSources = {
  reader: 'queue-controller',
  permittedSecrets: new Set(['redis-credentials']),
  secret: ({ namespace = '', name }) => {
    secretsRead++;
    const password = passwords[namespace];
    if (password === undefined) return undefined;
    const texts = { 'redis-host': password === 'elsewhere' ? 'other' : 'redis', 'redis-password': password };
    const encoded = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name },
      data: Object.fromEntries(encoded) as Record<string, string>,
    };
  },
};

let uids = 0;
function rival(namespace: string, password: string | undefined, change: Partial<Queue['metadata']> = {}): Queue {
  if (password !== undefined) passwords[namespace] = password;
  return queueObject({}, { namespace, uid: `rival-${uids++}`, ...change });
}

/** @returns the claimants, and with which passwords it was tried to log in */
async function find(others: Queue[], login: (password: string) => Login = () => 'refused') {
  const tried: string[] = [];
  const found = await findClaimants(
    queueObject(),
    others.filter(mayClaim).toSorted(byAge),
    { target, targetKey: OURS },
    {
      secrets,
      tryLogin: (access) => {
        tried.push(access.target.password ?? '');
        return Promise.resolve(login(access.target.password ?? ''));
      },
    },
  );
  return { found, tried };
}
const different = (count: number): Queue[] => Array.from({ length: count }, (_, i) => rival(`n-${i}`, `password-${i}`));
const elsewhere = (count: number): Queue[] =>
  Array.from({ length: count }, (_, i) => rival(`elsewhere-${i}`, 'elsewhere'));
const tryLogin = (): Promise<Login> => Promise.resolve('refused');
const logins = (found: Claimant[]): unknown => found.map(({ namespace, login }) => [namespace, login]);

describe('who else claims a queue', () => {
  it('is told by what Redis says to their credentials, the oldest first', async () => {
    const young = rival('young', 'right', { creationTimestamp: '2026-02-01T00:00:00Z' });
    const old = rival('old', 'wrong', { creationTimestamp: '2025-01-01T00:00:00Z' });
    const { found } = await find([young, old], (password) => (password === 'right' ? 'accepted' : 'refused'));
    expect(logins(found)).toEqual([
      ['old', 'refused'],
      ['young', 'accepted'],
    ]);
  });

  it('is nobody without a Secret, on another server, being deleted, or only observing', async () => {
    const { found, tried } = await find([
      queueObject(),
      rival('without', undefined),
      rival('distant', 'elsewhere'),
      rival('leaving', 'right', { deletionTimestamp: '2026-02-01T00:00:00Z' }),
      { ...rival('observing', 'right'), spec: { adoptionPolicy: 'Observe' } },
    ]);
    expect([found, tried]).toEqual([[], []]);
  });

  it('costs one try for equal credentials, and eight for thousands of different ones', async () => {
    const same = Array.from({ length: 50 }, (_, i) => rival(`same-${i}`, 'same'));
    expect((await find(same)).tried).toEqual(['same']);
    const { found, tried } = await find(different(2_000));
    expect(tried).toHaveLength(8);
    expect(Map.groupBy(found, ({ login }) => login).get('refused')).toHaveLength(8);
    expect(found.at(-1)).toMatchObject({ login: 'unknown' });
  });

  it('is found behind bogus claimants with other credentials, when its own are known to be accepted', async () => {
    const heir = rival('heir', 'right', { creationTimestamp: '2026-03-01T00:00:00Z' });
    const { found } = await find([...different(50), heir]);
    expect(found.find(({ login }) => login === 'accepted')).toMatchObject({ namespace: 'heir' });
  });

  it('is found behind hundreds of a popular name that lead elsewhere or nowhere', async () => {
    const heir = rival('heir', 'right', { creationTimestamp: '2026-03-01T00:00:00Z' });
    const nowhere = Array.from({ length: 200 }, (_, i) => rival(`nowhere-${i}`, undefined));
    const { found } = await find([...elsewhere(200), ...nowhere, heir]);
    expect(logins(found)).toEqual([['heir', 'accepted']]);
  });

  it('is nobody of those who were not looked at: what is not known of them delays no removal', async () => {
    expect((await find(elsewhere(10_000))).found).toEqual([]);
    expect((await find(different(10_000))).found).toHaveLength(64);
  });

  it('costs as many looks for ten thousand as for hundreds, wherever they are', async () => {
    for (const [make, most] of [
      [different, 64],
      [elsewhere, 512],
    ] as const) {
      const looks = [];
      for (const count of [600, 10_000]) {
        const others = make(count).toSorted(byAge);
        secretsRead = 0;
        const older = olderThan(queueObject({}, { uid: 'young', creationTimestamp: '2027-01-01T00:00:00Z' }), others);
        // oxlint-disable-next-line no-await-in-loop -- what is counted is of one at a time
        await findClaimants(queueObject(), older, { target, targetKey: OURS }, { secrets, tryLogin });
        looks.push(secretsRead);
      }
      expect(looks).toEqual([most, most]);
    }
  });
});
