import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../log/log.ts';
import { holderOf, lockToken, openHolding, type Holding } from './holding.ts';

const opened: Holding[] = [];
async function open(pod: string): Promise<Holding> {
  const holding = await openHolding(
    pod,
    createLog('error', Date.now, () => undefined),
  );
  opened.push(holding);
  return holding;
}
afterEach(() => {
  for (const holding of opened.splice(0)) holding.close();
});

describe('a process that holds jobs', () => {
  it('is alive for another of its pod, until it has ended', async () => {
    const [one, other] = [await open('pod-0'), await open('pod-0')];
    expect(await other.isDead(one.id)).toBe(false);
    one.close();
    expect(await other.isDead(one.id)).toBe(true);
  });

  it('is not dead for itself', async () => {
    const one = await open('pod-0');
    one.close();
    expect(await one.isDead(one.id)).toBe(false);
  });

  it.each<[string, (id: string) => string]>([
    ['of another pod', (id) => id.replace('pod-0/', 'pod-00/')],
    ['of a pod of the same name elsewhere', (id) => id.replace(/\/[^/]+\//, '/elsewhere-elsew/')],
    ['that can prove nothing of itself', (id) => id.replace(/\/[^/]+\//, '//')],
    ['whose token is not ours', () => '6f1b1a52-6a0f-4f5e-9a10-111111111111'],
    ['whose name is cut off', (id) => id.slice(0, -1)],
    ['without a name', () => ''],
  ])('says nothing of one %s', async (_, changed) => {
    const [one, other] = [await open('pod-0'), await open('pod-0')];
    one.close();
    expect(await other.isDead(changed(one.id))).toBe(false);
  });

  it('is named by the token of each of its locks', async () => {
    const { id, provable } = await open('pod-0');
    const token = lockToken(id, 17);
    expect([holderOf(token), token.startsWith(provable!)]).toEqual([id, true]);
    expect(holderOf('no token of ours')).toBe('');
  });
});
