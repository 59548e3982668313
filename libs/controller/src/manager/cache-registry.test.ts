import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { KubeClient } from '../client/kube-client.ts';
import { systemClock } from '../time/clock.ts';
import { PODS, SECRETS, type Resource } from '../objects/resources.ts';
import { silentLog } from '../testing/widgets.ts';
import { CacheRegistry } from './cache-registry.ts';

/** Never started, so that it asks nobody. */
const registry = (): CacheRegistry =>
  new CacheRegistry({ client: {} as KubeClient, log: silentLog, clock: systemClock, registry: new Registry() });

const transform = (object: Resource) => object;

it('gives one cache to all who ask for the same objects', () => {
  const caches = registry();
  const selection = { labelSelector: 'a=b', transform };
  expect(caches.of(PODS, selection)).toBe(caches.of(PODS, { ...selection }));
  expect(caches.of(PODS, { labelSelector: 'a=c' })).not.toBe(caches.of(PODS, selection));
  expect(caches.of(SECRETS)).not.toBe(caches.of(PODS));
});

it('keeps the same objects apart that are shown in two ways: one of the callers would miss what it asks for', () => {
  const caches = registry();
  const [shown, whole, other] = [{ transform }, {}, { transform: (object: Resource) => object }];
  expect(caches.of(PODS, shown)).not.toBe(caches.of(PODS, whole));
  expect(caches.of(PODS, other)).not.toBe(caches.of(PODS, shown));
  expect(caches.of(PODS, shown)).toBe(caches.of(PODS, shown));
});
