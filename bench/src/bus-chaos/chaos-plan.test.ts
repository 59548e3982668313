import { compareFence, formatFence, scalingDecisionSchema } from '@redis-queue/scaling-bus';
import { describe, expect, it } from 'vitest';
import { ChaosPlan, type ChaosMessage } from './chaos-plan.ts';
import { seededRandom } from '@redis-queue/simulator';

const pools = ['a', 'b', 'c'].map((name) => ({ namespace: 'n', name, uid: name, generation: 1 }));
const NOW_MS = 1_000_000;

function play(seed: number, count: number): { plan: ChaosPlan; messages: ChaosMessage[] } {
  const plan = new ChaosPlan(pools, 5_000, seededRandom(seed));
  const messages = Array.from({ length: count }, (_, n) => {
    if (n === count / 2) plan.newEpoch();
    return plan.next(NOW_MS, () => 0);
  }).flat();
  return { plan, messages };
}

describe('a plan of chaos', () => {
  it('is the same for the same seed', () => {
    expect(play(1, 200).messages).toEqual(play(1, 200).messages);
  });

  it('has decisions that are sent twice, late, expired and of a publisher that was replaced', () => {
    const { messages } = play(2, 1_000);
    const fences = new Set(messages.map(({ decision }) => formatFence(decision)));
    expect(fences.size).toBe(1_000);
    expect(messages.length).toBeGreaterThan(1_200);
    expect(messages.filter(({ delayMs }) => delayMs > 0).length).toBeGreaterThan(300);
    expect(messages.filter(({ decision }) => decision.expiresAt < NOW_MS).length).toBeGreaterThan(80);
    const epochs = messages.slice(700).map(({ decision }) => decision.epoch);
    expect(new Set(epochs)).toEqual(new Set([5_000, 5_001]));
    for (const { decision } of messages) expect(scalingDecisionSchema.parse(decision)).toEqual(decision);
  });

  it('expects for each pool the newest decision that had not expired', () => {
    const { plan, messages } = play(3, 500);
    for (const { name } of pools) {
      const valid = messages
        .map(({ decision }) => decision)
        .filter(({ pool, expiresAt }) => pool.name === name && expiresAt > NOW_MS);
      const newest = valid.reduce((best, each) => (compareFence(each, best) > 0 ? each : best));
      expect(plan.wanted(name)).toBe(newest.desiredReplicas);
      expect(plan.sizeOf(name, formatFence(newest))).toBe(newest.desiredReplicas);
    }
  });

  it('repeats the newest size under a newer number', () => {
    const { plan } = play(4, 100);
    const wanted = plan.wanted('a');
    const [first, second] = [plan.again(pools[0]!, NOW_MS, 3), plan.again(pools[0]!, NOW_MS, 3)];
    expect([first.desiredReplicas, second.desiredReplicas, plan.wanted('a')]).toEqual([wanted, wanted, wanted]);
    expect(compareFence(second, first)).toBeGreaterThan(0);
  });
});
