import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { ObjectCache } from '../cache/object-cache.ts';
import { WriteJournal } from '../client/write-journal.ts';
import { keyOf, keyToString, type Resource } from '../objects/resources.ts';
import { silentLog, widget, WIDGETS } from '../testing/widgets.ts';
import { systemClock } from '../time/clock.ts';
import { ControllerRunner } from './controller-runner.ts';
import { ControllerMetrics } from './metrics.ts';

/** A cache that has these objects. */
function cacheOf(objects: readonly Resource[]): ObjectCache<Resource> {
  const byKey = new Map(objects.map((object) => [keyToString(keyOf(object)), object]));
  return {
    type: WIDGETS,
    hasSynced: true,
    whenSynced: () => Promise.resolve(),
    get: (key) => byKey.get(keyToString(key)),
    list: () => [...objects],
    size: objects.length,
    addIndex: () => {},
    byIndex: () => [],
    eachByIndex: () => [],
    onChange: (handler) => {
      for (const object of objects) handler('add', object, undefined, { initial: true });
      return () => {};
    },
    dropWhenRevoked: () => {},
    lastSyncResourceVersion: '1',
  };
}

function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

// Walls 2 and 5: who is busy with hundreds of objects goes on renewing its Lease and answering probes.
it('reconciles that wait for nothing let the event loop turn', async () => {
  const objects = Array.from({ length: 300 }, (_, index) => widget(`namespace-${index % 30}`, `object-${index}`));
  const stop = new AbortController();
  let reconciles = 0;
  const cache = cacheOf(objects);
  const runner = new ControllerRunner<Resource>(
    {
      name: 'widget',
      type: WIDGETS,
      cache,
      concurrency: 24,
      reconcile: () => {
        work(2);
        if (++reconciles === objects.length) stop.abort();
        return Promise.resolve();
      },
    },
    {
      log: silentLog,
      clock: systemClock,
      metrics: new ControllerMetrics(new Registry()),
      journal: new WriteJournal(),
      cacheOf: () => cache,
      cachesShowing: () => [],
    },
  );
  const running = runner.run(stop.signal);
  let turns = 0;
  for (; !stop.signal.aborted; turns++) await setImmediate(); // oxlint-disable-line no-await-in-loop -- counts turns
  await running;
  expect(reconciles).toBe(objects.length);
  // 600 ms of work, of which some 8 ms come in one turn.
  expect(turns).toBeGreaterThan(30);
});
