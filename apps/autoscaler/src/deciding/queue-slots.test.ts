import { expect, it } from 'vitest';
import { QueueSlots } from './queue-slots.ts';

const consumers = [
  { key: 'team/few', maxReplicas: 5, concurrency: 10 },
  { key: 'team/many', maxReplicas: 20, concurrency: 2 },
];

it('adds up what all pools of a queue run now and can run', () => {
  const sizes: Record<string, number> = { 'team/few': 3 };
  const podsOf = (key: string) => (key in sizes ? { replicas: sizes[key]! } : undefined);
  expect(new QueueSlots().of(consumers, podsOf, 0)).toEqual({ present: 30, most: 90 });
});

it('counts no slots of pods that cannot work: the other pools do what those would', () => {
  const blocked = { crashLooping: 1, imageFailing: 1, unschedulable: 1, rejected: 1 };
  const podsOf = (key: string) => (key === 'team/few' ? { replicas: 5, blocked } : { replicas: 4 });
  expect(new QueueSlots().of(consumers, podsOf, 0)).toEqual({ present: 18, most: 90 });
});

it('adds them up anew after a quarter of a second, and where the pools are others', () => {
  const slots = new QueueSlots();
  let replicas = 1;
  const podsOf = () => ({ replicas });
  expect(slots.of(consumers, podsOf, 0).present).toBe(12);
  replicas = 2;
  expect(slots.of(consumers, podsOf, 249).present).toBe(12);
  expect(slots.of(consumers, podsOf, 250).present).toBe(24);
  expect(slots.of(consumers.slice(0, 1), podsOf, 251).present).toBe(20);
});
