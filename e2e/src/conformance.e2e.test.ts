import { randomBytes } from 'node:crypto';
import { findCluster } from '@redis-queue/cluster';
import { run } from '@redis-queue/rig/pods';
import { expect, inject, it } from 'vitest';
import { TEAM_LABEL } from './cluster/team-label.ts';
import { checkConformance } from './conformance/conformance.ts';
import { openClusterRuntime } from './conformance/pods.ts';
import { ROWS } from './conformance/rows.ts';
import { EXAMPLE } from './conformance/subjects.ts';

/** Each needs something of a pod that a process has not: a deletion, HTTP through a cluster, a restart. */
const ASKED = [
  'on SIGTERM takes no more jobs',
  'answers /livez and /readyz',
  'hands back at once',
  'takes back the jobs',
];

it('the example worker keeps the pod contract as pods, and one that cannot be had keeps nothing', async () => {
  const { kubectl, images } = inject('cluster');
  const cluster = findCluster('e2e');
  if (!cluster) throw new Error('no cluster named e2e runs; its global setup starts it');
  const rows = ROWS.filter(({ what }) => ASKED.some((words) => what.startsWith(words)));
  expect(rows).toHaveLength(ASKED.length);
  const { image, version } = images.exampleWorker;
  const check = async (reference: string, checked: typeof rows): Promise<string[]> => {
    const namespace = `conformance-${randomBytes(3).toString('hex')}`;
    const labels = { [TEAM_LABEL]: '' };
    try {
      await using runtime = await openClusterRuntime({ cluster, namespace, labels, image: { reference } });
      const { outcomes } = await checkConformance(EXAMPLE, runtime, { rows: checked, patience: 5 });
      return outcomes.flatMap(({ row, fault }) => (fault === undefined ? [] : [`${row.what}: ${fault}`]));
    } finally {
      await run(kubectl, ['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
    }
  };
  expect(await check(`${image}:${version}`, rows)).toEqual([]);
  const [fault] = await check('localhost/no-such-image:dev', rows.slice(0, 1));
  expect(fault).toMatch(/does not run: (ErrImagePull|ImagePullBackOff)/);
});
