import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { eventually, startControlPlane, startProcess, type ChildHandle, type ControlPlane } from '@redis-queue/rig';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { LEASES } from '../objects/resources.ts';
import { startCuttableProxy } from '../testing/cuttable-proxy.ts';
import { kubeconfigThrough } from '../testing/widgets.ts';
import type { Lease } from './lease.ts';

const CANDIDATE = new URL('../testing/candidate.ts', import.meta.url).pathname;
/** A busy machine takes its time to start a process. */
const PATIENCE = { timeoutMs: 40_000 };

let controlPlane: ControlPlane;
let client: KubeClient;
let namespace: string;
const candidates: ChildHandle[] = [];
beforeAll(async () => {
  controlPlane = await startControlPlane();
  client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
});
afterAll(async () => {
  await client.close();
  await controlPlane.stop();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace('leader');
});
afterEach(async () => {
  await Promise.all(candidates.splice(0).map((candidate) => candidate.stop()));
});

function start(identity: string, kubeconfigPath = controlPlane.kubeconfigPath): ChildHandle {
  const candidate = startProcess(process.execPath, [CANDIDATE, kubeconfigPath, namespace, identity]);
  candidates.push(candidate);
  return candidate;
}

const lease = async (): Promise<Lease['spec']> =>
  (await client.get<Lease>(LEASES, { namespace, name: 'candidate' }))?.spec;

/** When the candidate logged that line, in ms. */
async function timeOf(candidate: ChildHandle, message: string, timeoutMs = 30_000): Promise<number> {
  const line = await candidate.waitForLine(new RegExp(`"msg":"${message}"`), { timeoutMs });
  return Date.parse((JSON.parse(line) as { time: string }).time);
}

async function leaderAndStandby(): Promise<{ leader: ChildHandle; standby: ChildHandle }> {
  const leader = start('one');
  await leader.waitForLine(/working/, PATIENCE);
  const standby = start('two');
  await standby.waitForLine(/waiting for the lease/, PATIENCE);
  return { leader, standby };
}

it('of two candidates one leads and renews, the other waits', async () => {
  const { leader, standby } = await leaderAndStandby();
  const before = (await lease())?.renewTime;
  await eventually(async () => (await lease())?.renewTime !== before);
  expect(await lease()).toMatchObject({ holderIdentity: 'one', leaseTransitions: 0 });
  expect(standby.lines.join('\n')).not.toContain('working');
  expect(leader.lines.join('\n')).toContain('elected');
});

it('a leader that stops gracefully ends its work, then hands over in under a second', async () => {
  const { leader, standby } = await leaderAndStandby();
  leader.kill('SIGTERM');
  const released = await timeOf(leader, 'lease released');
  const acquired = await timeOf(standby, 'lease acquired');
  expect(await leader.exited).toMatchObject({ code: 0 });
  expect(await timeOf(leader, 'work ended')).toBeLessThanOrEqual(released);
  expect(acquired - released).toBeLessThan(1_000);
  expect(await lease()).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
});

it('a killed leader is followed when its lease has run out, and not before', async () => {
  const { leader, standby } = await leaderAndStandby();
  await leader.stop('SIGKILL');
  const lastRenewal = Date.parse((await lease())?.renewTime ?? '');
  const acquired = await timeOf(standby, 'lease acquired');
  expect(acquired - lastRenewal).toBeGreaterThanOrEqual(5_900);
  expect(await lease()).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
});

it('a leader cut off from the API server ends by itself, before another may lead', async () => {
  await using proxy = await startCuttableProxy(Number(new URL(controlPlane.server).port));
  const leader = start('one', kubeconfigThrough(proxy.port, controlPlane.kubeconfigPath, controlPlane.server));
  await leader.waitForLine(/working/, PATIENCE);
  const standby = start('two');
  proxy.cut();
  expect(await leader.exited).toMatchObject({ code: 1 });
  const ended = await timeOf(leader, 'ended by a failure');
  expect(leader.lines.join('\n')).toContain('could not be renewed for 4.5 s');
  expect(await timeOf(standby, 'lease acquired')).toBeGreaterThan(ended);
  // Every try until the deadline was a request: none failed before it was sent.
  expect(leader.lines.join('\n')).not.toContain('RangeError');
});

it('a leader whose lease was taken from it ends at once', async () => {
  const leader = start('one');
  await leader.waitForLine(/working/, PATIENCE);
  const current = (await client.get<Lease>(LEASES, { namespace, name: 'candidate' })) as Lease;
  await client.mergePatch(LEASES, current.metadata, { spec: { holderIdentity: 'thief' } });
  expect(await leader.exited).toMatchObject({ code: 1 });
  expect(leader.lines.join('\n')).toContain('is held by thief now');
  expect((await lease())?.holderIdentity).toBe('thief');
});

it('an outage of the API server shorter than the renew deadline changes nothing', async () => {
  await using proxy = await startCuttableProxy(Number(new URL(controlPlane.server).port));
  const leader = start('one', kubeconfigThrough(proxy.port, controlPlane.kubeconfigPath, controlPlane.server));
  await leader.waitForLine(/working/, PATIENCE);
  const before = (await lease())?.renewTime;
  proxy.cut();
  await leader.waitForLine(/lease not renewed, trying again/, PATIENCE);
  proxy.mend();
  await eventually(async () => (await lease())?.renewTime !== before);
  expect(await lease()).toMatchObject({ holderIdentity: 'one', leaseTransitions: 0 });
});
