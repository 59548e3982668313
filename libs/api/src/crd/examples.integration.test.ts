import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startControlPlane, workspaceRoot, type ControlPlane } from '@redis-queue/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
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

  test.each(['queue.yaml', 'workerpool.yaml'])('examples/%s', async (file) => {
    const draft = parse(readFileSync(join(workspaceRoot, 'examples', file), 'utf8')) as Draft;
    await expect(kubectl.check(draft)).resolves.toContain('serverside-applied');
  });
});
