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

it('refuses to show the same objects in two ways: one of the callers would miss what it requested', () => {
  const caches = registry();
  caches.of(PODS, { transform });
  expect(() => caches.of(PODS)).toThrow('There is a cache of pods with another transform');
});
