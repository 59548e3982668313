import type { ControllerOptions, Manager, ObjectCache, ObjectKey } from '@redis-queue/controller';
import { watchSecrets, type QueueObject, type SecretObject } from '@redis-queue/redis-access';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { byAge } from '../ownership/claimants.ts';
import { redriveSources } from '../redrive-sources.ts';
import type { WatchedSources } from '../access/sources.ts';
import { queueObject } from '../testing/queues.ts';
import type { RedriveObject } from './redrives.ts';
import { redriveObject } from './testing.fixture.ts';
import { manageRedrives } from './wire.ts';

/** A cache that finds these objects by its indexes. */
function cacheOf<T>(objects: readonly T[]): ObjectCache<T & RedriveObject> {
  const indexes = new Map<string, (object: T) => string[]>();
  const found = (name: string, value: string): T[] =>
    objects.filter((object) => indexes.get(name)?.(object).includes(value));
  return {
    addIndex: (name: string, values: (object: T) => string[]) => void indexes.set(name, values),
    byIndex: found,
    eachByIndex: found,
    onChange: () => () => undefined,
  } as unknown as ObjectCache<T & RedriveObject>;
}

// A process that has just begun knows no Secret yet: a redrive that looked then would rest up to a minute for nothing.
it('no redrive is looked at before Secrets are known, and those of a Queue whose Secret changes are', () => {
  const redrives = cacheOf([redriveObject()]);
  const queues = cacheOf([
    queueObject({}, { namespace: 'shop', name: 'emails' }),
  ]) as unknown as ObjectCache<QueueObject>;
  const secrets = cacheOf<SecretObject>([]);
  let options: ControllerOptions<RedriveObject> | undefined;
  const manager = {
    name: 'queue-controller',
    registry: new Registry(),
    cache: ({ kind }: { kind: string }) => (kind === 'Secret' ? secrets : redrives),
    controller: (given: ControllerOptions<RedriveObject>) => {
      options = given;
      return { enqueue: () => undefined };
    },
  } as unknown as Manager;
  const sources = { queues, secrets: watchSecrets(manager, ['redis-credentials']) } as unknown as WatchedSources;
  manageRedrives(manager, { sources: redriveSources(sources), byAge });
  const watch = options?.watches?.find(({ cache }) => (cache as unknown) === secrets);
  const keysOf = (namespace: string): ObjectKey[] | undefined =>
    watch?.map({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'redis-credentials' } });
  expect(keysOf('shop')).toEqual([{ namespace: 'shop', name: 'again' }]);
  expect(keysOf('crm')).toEqual([]);
});
