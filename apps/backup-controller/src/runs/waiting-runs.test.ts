import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '@redis-queue/controller';
import { expect, it } from 'vitest';
import type { StorageAccess } from '../access/storage-access.ts';
import { applyBackup } from '../backups/apply.ts';
import { applyPoints } from '../points/apply.ts';
import { incremental } from '../points/testing.fixture.ts';
import { applyRestore } from '../restores/apply.ts';
import { backupObject, NOW, restoreObject } from '../testing/objects.ts';
import { RunPlaces } from './run-places.ts';
import { Runs } from './runs.ts';

// Wall 1: a tenant creates as many objects as it likes, and gives each as much as the API server takes.

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const passes = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const places = new RunPlaces(1, systemClock);
const options = { places, elapsedMs: () => 0, after: systemClock.after.bind(systemClock), onChange: () => undefined };
const [runs, removals] = [new Runs<never, never>(options), new Runs<never, never>(options)];
const tools = { runs, removals, sources: {}, readers: {}, nameAttempt: () => 'a', elapsedMs: () => 0 } as never;
const context = { client: {}, now: () => NOW, signal: new AbortController().signal } as never;
const observedWith = (storage: object) =>
  ({ stage: 'due', storage, queues: [], backup: { storage, directory: '' }, targets: [storage], next: {} }) as never;
const planOf = (kind: string) => ({ steps: [{ kind, number: 1 }] }) as never;

const begins: [string, string, (found: { observed: never; plan: never }) => Promise<unknown>][] = [
  ['backup', 'begin', (found) => applyBackup(backupObject({}, {}, { uid: 'a' }), found, context, tools)],
  ['backup', 'remove', (found) => applyBackup(backupObject({}, {}, { uid: 'b' }), found, context, tools)],
  [
    'incremental backup',
    'begin',
    (found) => applyPoints(incremental([], { metadata: { uid: 'c' } }), found, context, tools),
  ],
  [
    'incremental backup',
    'removeChain',
    (found) => applyPoints(incremental([], { metadata: { uid: 'd' } }), found, context, tools),
  ],
  ...(['check', 'restore', 'resume', 'abandon', 'removeScratch'] as const).map((kind, n): (typeof begins)[number] => [
    'restore',
    kind,
    (found) => applyRestore(withUid(`e${n}`), found, context, tools),
  ]),
];
function withUid(uid: string) {
  const restore = restoreObject();
  return { ...restore, metadata: { ...restore.metadata, uid } };
}

it.each(begins)(
  'of a %s that waits with its step %s nothing is held of storage, Secrets and queues',
  async (_, kind, begin) => {
    const held = await beginOne(kind, begin);
    await passes();
    collectGarbage();
    expect(held.deref()).toBeUndefined();
  },
);

/** All places are taken. @returns what was observed for a run that waits. */
async function beginOne(kind: string, begin: (typeof begins)[number][2]): Promise<WeakRef<StorageAccess>> {
  const stop = new AbortController();
  for (const purpose of ['backup', 'restore', 'ending', 'removal'] as const) {
    const turn = { namespace: 'other', uid: 'other', purpose };
    void places.run(turn, stop.signal, () => new Promise(() => undefined)).catch(() => undefined);
  }
  await passes();
  const storage: StorageAccess = {
    spec: { volume: { root: '', path: '' } },
    credentials: { junk: 'x'.repeat(1_000) },
    namespacePath: '',
    shared: false,
  };
  await begin({ observed: observedWith(storage), plan: planOf(kind) });
  return new WeakRef(storage);
}

// Places may be taken for half an hour, in which objects come and go by the thousand.
it('nothing is held of a run that was given up while it waited', async () => {
  const held = giveUpOne();
  await passes();
  collectGarbage();
  expect(held.deref()).toBeUndefined();
});

function giveUpOne(): WeakRef<object> {
  const { promise } = Promise.withResolvers<never>();
  const body = (): Promise<never> => promise;
  runs.begin({ uid: 'given-up', key: { namespace: 'shop', name: 'given-up' }, task: 'test', purpose: 'backup' }, body);
  runs.forget('given-up');
  return new WeakRef(body);
}
