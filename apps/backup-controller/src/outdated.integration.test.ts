import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { QUEUES, type QueueBackupReason, type QueueRestoreReason } from '@redis-queue/api';
import { systemClock, type KindContext } from '@redis-queue/controller';
import type { QueueObject, RedisAccess } from '@redis-queue/redis-access';
import { eventually, type RedisServer } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyBackup } from './backups/apply.ts';
import { observeBackup } from './backups/observe.ts';
import { planBackup } from './backups/plan.ts';
import type { BackupObject, BackupRunResult } from './backups/steps.ts';
import type { RunProgress } from './engine/progress.ts';
import { applyRestore } from './restores/apply.ts';
import { observeRestore, type RestoreSources } from './restores/observe.ts';
import { planRestore } from './restores/plan.ts';
import type { RestoreObject, RestoreRunResult } from './restores/steps.ts';
import { NO_RUNS, Runs } from './runs/runs.ts';
import { RunPlaces } from './runs/run-places.ts';
import { TestCluster } from './testing/cluster.ts';

// Who leads next knows of an object what its cache shows, and of a queue where it was when a run began to wait.

let t: TestCluster;
let former: RunningController;
let ns: string;
beforeAll(async () => {
  t = await TestCluster.start();
  former = await t.controller();
  ns = await t.namespace();
});
afterAll(async () => {
  await former?.stop();
  await t?.[Symbol.asyncDispose]();
});

const some = (count: number, name: string) => Array.from({ length: count }, (_, n) => ({ name, data: { n } }));

/** Another process, with what it knows: `servers` by Queue, and the backup of which restores are. */
class NextLeader {
  readonly servers = new Map<string, RedisServer>();
  readonly #queues = new Map<string, QueueObject>();
  readonly #places = new RunPlaces(1, systemClock);
  #backup: BackupObject | undefined;
  readonly #options = {
    places: this.#places,
    elapsedMs: () => performance.now(),
    after: systemClock.after.bind(systemClock),
    onChange: () => undefined,
  };
  readonly #context = {
    client: t.rig.client,
    now: () => new Date(),
    signal: AbortSignal.timeout(60_000),
    applyFinalizer: () => Promise.resolve(),
  };

  async knows(name: string, server: RedisServer): Promise<void> {
    this.#queues.set(name, (await t.rig.client.get<QueueObject>(QUEUES, { namespace: ns, name }))!);
    this.servers.set(name, server);
  }

  get #sources(): RestoreSources {
    const access = ({ metadata }: QueueObject): RedisAccess => {
      const { host, port } = this.servers.get(metadata.name)!;
      return { ok: true, target: { host, port }, targetKey: '', secret: {} } as unknown as RedisAccess;
    };
    return {
      queues: { get: ({ name }) => this.#queues.get(name), list: () => [...this.#queues.values()] },
      backups: { get: () => this.#backup },
      storage: { permittedSecrets: new Set(), volumeDirectory: t.volume, podIdentity: false },
      assertLeading: () => undefined,
      resolve: access,
      resolveSecret: () =>
        ({ ok: false, problem: { reason: 'SecretNotFound', message: '' } }) as unknown as RedisAccess,
      secretsOf: () => () => Promise.resolve({}),
    };
  }

  /** Takes the only place. @returns what gives it back */
  takePlace(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = { namespace: 'other', uid: 'other', purpose: 'backup' as const };
    void this.#places.run(turn, this.#context.signal, () => promise);
    return resolve;
  }

  /** Begins what it holds to be due of a backup. @returns how it ended, once it has */
  async takes(backup: BackupObject): Promise<() => Promise<unknown>> {
    const runs = new Runs<RunProgress, BackupRunResult>(this.#options);
    const context = this.#context as unknown as KindContext<QueueBackupReason>;
    const readers = { of: () => undefined };
    const observed = await observeBackup(
      backup,
      this.#sources,
      { runs: NO_RUNS, readers },
      { ...context, now: new Date() },
    );
    const plan = planBackup(backup, observed, new Date());
    const tools = { runs, readers, sources: this.#sources, nameAttempt: () => 'by-the-next' };
    await applyBackup(backup, { observed, plan }, context, tools);
    return () => endOf(runs, backup);
  }

  /** @param reads what its requests for the object find; absent: what there is. */
  async restores(restore: RestoreObject, backup: BackupObject, reads?: RestoreObject): Promise<unknown> {
    this.#backup = backup;
    const runs = new Runs<RunProgress, RestoreRunResult>(this.#options);
    const client = reads ? { get: () => Promise.resolve(reads) } : t.rig.client;
    const context = { ...this.#context, client } as unknown as KindContext<QueueRestoreReason>;
    const observed = await observeRestore(restore, this.#sources, NO_RUNS, { ...context, now: new Date() });
    const plan = planRestore(restore, observed, new Date());
    if (plan.steps[0]?.kind !== 'restore') throw new Error(`by the cache it is to ${JSON.stringify(plan)}`);
    await applyRestore(restore, { observed, plan }, context, { runs, sources: this.#sources });
    return await endOf(runs, restore);
  }
}

async function endOf<R>(runs: Runs<RunProgress, R>, { metadata }: BackupObject | RestoreObject): Promise<unknown> {
  return await eventually(() => {
    const run = runs.stateOf(metadata.uid ?? '');
    if (run?.phase !== 'ended') throw new Error(`it is ${run?.phase}`);
    return run.end.ok ? run.end.result : run.end.error;
  });
}

describe('who leads next, by a cache that is older than what the former leader has written,', () => {
  it('does not take a completed backup again, for which it would remove this one', async () => {
    const name = `taken-${ns}`;
    await t.producer(name).addBulk(some(5, 'j'));
    await t.queue(ns, 'taken', { name });
    const created = await t.backup(ns, 'taken', { queues: { names: ['taken'] } });
    const { status } = await t.settled(created, 'BackedUp');
    const manifest = join(t.volume, ns, status!.directory!, 'manifest.json');
    const next = new NextLeader();
    await next.knows('taken', t.rig.redis);
    const ended = await next.takes(created);
    expect(await ended()).toMatchObject({ name: 'OutdatedError' });
    expect(existsSync(manifest)).toBe(true);
  });

  it('does not restore once more what workers have had since', async () => {
    const name = `back-${ns}`;
    await t.producer(name).addBulk(some(5, 'j'));
    await t.queue(ns, 'from', { name });
    await t.queue(ns, 'to', { name, redis: { secretRef: { name: 'redis-other' } } });
    const backup = await t.settled(await t.backup(ns, 'back', { queues: { names: ['from'] } }), 'BackedUp');
    const queues = [{ name: 'from', to: { queue: 'to' } }];
    const created = await t.restore(ns, 'back', { from: { backup: { name: 'back' } }, queues });
    const done = await t.settled(created, 'Restored');
    const target = t.producer(name, t.other);
    await target.drain();
    const finalizers = ['redis-queue.io/restored-jobs'];
    const { phase: _, completionTime, verifiedAt, resumedAt, conditions, ...status } = done.status!;
    expect([completionTime, verifiedAt, resumedAt, conditions?.length]).not.toContain(undefined);
    const cached = { ...created, metadata: { ...created.metadata, finalizers }, status };
    const next = new NextLeader();
    await next.knows('from', t.rig.redis);
    await next.knows('to', t.other);
    expect(await next.restores(cached, backup)).toMatchObject({ name: 'OutdatedError' });
    // Were the API server itself set back to that, Redis knows.
    expect(await next.restores(cached, backup, cached)).toMatchObject({ reason: 'AlreadyRestored' });
    expect(await target.getJobCountByTypes('waiting', 'active')).toBe(0);
    expect(await target.isPaused()).toBe(false);
  });
});

it('a backup that has waited for its place reads the Redis to which its Queue has moved meanwhile', async () => {
  const name = `moved-${ns}`;
  await t.producer(name).addBulk(some(3, 'before'));
  await t.producer(name, t.other).addBulk(some(8, 'since'));
  await former.stop();
  await t.queue(ns, 'moved', { name });
  const next = new NextLeader();
  await next.knows('moved', t.rig.redis);
  const giveBack = next.takePlace();
  const ended = await next.takes(await t.backup(ns, 'moved', { queues: { names: ['moved'] } }));
  next.servers.set('moved', t.other);
  giveBack();
  expect(await ended()).toMatchObject({ queues: [{ name: 'moved', total: 8 }] });
});
