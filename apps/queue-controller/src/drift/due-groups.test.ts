import { expect, it } from 'vitest';
import type { SamplingGroup } from '../turns/sampling-groups.ts';
import { dueGroups, MOST_PER_NAMESPACE, MOST_PER_ROUND } from './due-groups.ts';

const groups = (namespace: string, count: number): SamplingGroup[] =>
  Array.from({ length: count }, (_, n) => {
    const target = { host: `${namespace}-${n}`, port: 6379 };
    return { key: `${namespace}/${n}`, target, namespace, queues: [] };
  });

it('a namespace with 800 Redis targets has few turns per round, each in the end, and its neighbours all of theirs', () => {
  const all = [...groups('hostile', 800), ...groups('good', 5)];
  const lastRoundOf = new Map<string, number>();
  const turns = new Map<string, number>();
  for (let round = 1; round <= 50; round++) {
    const due = dueGroups(all, lastRoundOf);
    expect(due.filter(({ namespace }) => namespace === 'good')).toHaveLength(5);
    expect(due).toHaveLength(5 + MOST_PER_NAMESPACE);
    for (const { key } of due) {
      lastRoundOf.set(key, round);
      turns.set(key, (turns.get(key) ?? 0) + 1);
    }
  }
  expect(new Set(all.filter(({ namespace }) => namespace === 'hostile').map(({ key }) => turns.get(key)))).toEqual(
    new Set([2]),
  );
});

it('more targets than connections are compared in turns', () => {
  const all = Array.from({ length: 40 }, (_, n) => groups(`ns-${n}`, 20)).flat();
  const first = dueGroups(all, new Map());
  const second = dueGroups(all, new Map(first.map(({ key }) => [key, 1])));
  expect([first.length, second.length]).toEqual([MOST_PER_ROUND, MOST_PER_ROUND]);
  expect(new Set([...first, ...second].map(({ key }) => key)).size).toBe(2 * MOST_PER_ROUND);
});
