import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startControlPlane, workspaceRoot, type ControlPlane } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { kinds } from './kinds.ts';
import { Kubectl, type Draft } from './test-support.ts';

let controlPlane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  controlPlane = await startControlPlane({ crds: true });
  kubectl = new Kubectl(controlPlane, await controlPlane.createNamespace('examples'));
});
afterAll(() => controlPlane?.stop());

describe('the API server accepts', () => {
  test.each(kinds.flatMap(({ kind, examples }) => examples.map(({ title, object }) => [kind, title, object] as const)))(
    'the example of the page on %s: %s',
    async (_, __, object) => {
      await expect(kubectl.check(object as Draft)).resolves.toContain('serverside-applied');
    },
  );

  test.each([
    'backup-schedule.yaml',
    'backup.yaml',
    'incremental-backup.yaml',
    'queue-schedulers.yaml',
    'queue.yaml',
    'redis-users/queue.yaml',
    'redrive.yaml',
    'restore.yaml',
    'workerpool.yaml',
  ])('examples/%s', async (file) => {
    const documents = parseAllDocuments(readFileSync(join(workspaceRoot, 'examples', file), 'utf8'));
    for (const document of documents)
      await expect(kubectl.check(document.toJS() as Draft)).resolves.toContain('serverside-applied');
  });

  test('the pool and the behavior of the guide to autoscaling, and the command that stops it', async () => {
    const guide = readFileSync(join(workspaceRoot, 'docs/autoscaling.md'), 'utf8');
    const [pool, { behavior } = {}] = [...guide.matchAll(/```yaml\n([^`]+)```/g)].map(([, yaml]) => parse(yaml!));
    pool.spec.autoscaling.behavior = behavior;
    await kubectl.apply(pool as Draft);
    expect(behavior).toHaveProperty('scaleDown');
    const [, resource, name, patch] = /`kubectl patch (workerpool) (\S+) --type merge -p '([^']+)'`/.exec(guide) ?? [];
    await kubectl.run('patch', resource!, name!, '--type=merge', '--patch', patch!);
    const { spec } = await kubectl.get<Draft>(resource!, name!);
    expect(spec).toMatchObject({ replicas: 7, autoscaling: { enabled: false, maxReplicas: 50 } });
  });
});
