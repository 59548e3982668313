import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, startProcess, type ChildHandle, type ControlPlane } from '@redis-queue/rig';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { CONFIG_MAPS, LEASES, type Resource } from '../objects/resources.ts';
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

function start(identity: string, kubeconfigPath = controlPlane.kubeconfigPath, written = 0): ChildHandle {
  const candidate = startProcess(process.execPath, [CANDIDATE, kubeconfigPath, namespace, identity, String(written)]);
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

it('a leader that stops gracefully ends its work, then hands over long before its Lease ends', async () => {
  const { leader, standby } = await leaderAndStandby();
  leader.kill('SIGTERM');
  const released = await timeOf(leader, 'lease released');
  const acquired = await timeOf(standby, 'lease acquired');
  expect(await leader.exited).toMatchObject({ code: 0 });
  expect(await timeOf(leader, 'work ended')).toBeLessThanOrEqual(released);
  expect(acquired - released).toBeLessThan(5_000);
  expect(await lease()).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
});

it('a killed leader is succeeded when its lease has run out, and not before', async () => {
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

// Wall 5, leadership is a deadline: whatever hangs, and however long the process stands still.
describe('a leader that writes', () => {
  it('keeps its lease while more of its writes hang than it has connections', async () => {
    await using webhook = await hangConfigMapWrites();
    const leader = start('one', controlPlane.kubeconfigPath, 40);
    await leader.waitForLine(/working/, PATIENCE);
    const standby = start('two');
    await standby.waitForLine(/waiting for the lease/, PATIENCE);
    await eventually(() => webhook.waiting() >= 16);
    const renewals = new Set<string | undefined>();
    await eventually(async () => renewals.add((await lease())?.renewTime).size >= 15, PATIENCE);
    expect(await lease()).toMatchObject({ holderIdentity: 'one', leaseTransitions: 0 });
  });

  it('begins no write after it stood still for longer than its lease', async () => {
    const leader = start('one', controlPlane.kubeconfigPath, 4);
    await leader.waitForLine(/working/, PATIENCE);
    await eventually(async () => (await writers()).has('one'));
    leader.kill('SIGUSR2');
    const standby = start('two', controlPlane.kubeconfigPath, 4);
    await standby.waitForLine(/working/, PATIENCE);
    await eventually(async () => !(await writers()).has('one'));
    await standby.stop('SIGKILL');
    leader.kill('SIGCONT');
    expect(await leader.exited).toMatchObject({ code: 1 });
    expect(await writers()).toEqual(new Set(['two']));
  });
});

/** Whose writes the ConfigMaps hold. */
async function writers(): Promise<Set<string | undefined>> {
  const { items } = await client.list<Resource & { data?: { writer: string } }>(CONFIG_MAPS, { namespace });
  return new Set(items.filter(({ data }) => data?.writer).map(({ data }) => data?.writer));
}

/** An admission webhook for ConfigMaps that takes connections and says nothing, so that writes hang until the API server gives up. */
async function hangConfigMapWrites(): Promise<AsyncDisposable & { waiting(): number }> {
  const sockets = new Set<Socket>();
  const server = createServer(
    (socket) => void sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const name = `hang-${namespace}`;
  await controlPlane.apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'hang.test.example',
        clientConfig: { url: `https://127.0.0.1:${port}/` },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        timeoutSeconds: 30,
      },
    ],
  });
  return {
    waiting: () => sockets.size,
    async [Symbol.asyncDispose]() {
      await controlPlane.kubectl('delete', 'validatingwebhookconfiguration', name);
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
