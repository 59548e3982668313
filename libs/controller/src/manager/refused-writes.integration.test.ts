import { afterAll, beforeAll, expect, it } from 'vitest';
import { Registry } from 'prom-client';
import {
  eventually,
  FAULT_NAMES,
  FAULTS,
  kindOfWrite,
  startApiProxy,
  startControlPlane,
  type ApiProxy,
  type ApiWrite,
  type ControlPlane,
  type Fault,
} from '@redis-queue/rig';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { CONFIG_MAPS, EVENTS, NAMESPACES } from '../objects/resources.ts';
import { createLog } from './log.ts';
import { createManager } from './manager.ts';
import type { Manager } from './types.ts';

// Wall 6: the writes of the runtime itself, Events and Leases, answered in every way that is not success. No object has a
// condition for them: the log and a metric say so within 10 s. See `failures.integration.test.ts` of each app for the rest.

/** A failure shows within 10 s on a machine that has time, and so does its end, as the line that is printed says. */
const SOON_MS = 30_000;
const SOON = { timeoutMs: SOON_MS, intervalMs: 20 };

let cluster: ControlPlane;
let admin: KubeClient;
let proxy: ApiProxy;
/** By namespace: the kinds of write that are refused, and how. */
const armed = new Map<string, { readonly fault: Fault; readonly writes: RegExp }>();
beforeAll(async () => {
  cluster = await startControlPlane({ controllerManager: false });
  admin = loadKubeClient({ kubeconfigPath: cluster.kubeconfigPath });
  proxy = await startApiProxy(cluster, (write: ApiWrite) => {
    const cell = armed.get(write.namespace);
    return cell?.writes.test(kindOfWrite(write)) ? FAULTS[cell.fault](write) : undefined;
  });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await admin?.close();
  await cluster?.stop();
});

interface Running {
  readonly manager: Manager;
  /** Rejects with what ended it. */
  readonly ended: Promise<void>;
  /** When it logged that message first, in ms since 1970. */
  loggedMs(message: string): number | undefined;
  metric(samples: RegExp): Promise<number>;
  stop(): Promise<void>;
}

/** A manager by way of the proxy; with a Lease in that namespace it has to win that first. */
function run(namespace: string, leads: boolean, identity = 'pod'): Running {
  const lines: string[] = [];
  const client = loadKubeClient({ kubeconfigPath: proxy.kubeconfigPath });
  const manager = createManager({
    name: 'test-controller',
    client,
    log: createLog({ name: 'test-controller', write: (line) => void lines.push(line) }),
    registry: new Registry(),
    leaderElection: leads && { namespace, leaseName: 'test-controller', identity },
  });
  const abort = new AbortController();
  const ended = manager.run(abort.signal);
  ended.catch(() => undefined);
  return {
    manager,
    ended,
    loggedMs: (message) => {
      const line = lines.find((each) => each.includes(message));
      return line === undefined ? undefined : Date.parse((JSON.parse(line) as { time: string }).time);
    },
    metric: async (samples) => {
      const found = (await manager.registry.metrics()).split('\n').filter((line) => samples.test(line));
      return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    stop: async () => {
      abort.abort();
      await ended.catch(() => undefined);
      await client.close();
    },
  };
}

interface Cell {
  readonly write: string;
  readonly fault: Fault;
  readonly reportedMs: number;
  readonly recoveredMs: number;
}

async function namespaceOf(write: string, fault: Fault): Promise<string> {
  const name = `${write}-${fault}`.toLowerCase().replaceAll(/[^a-z]+/g, '-');
  await admin.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

/** @param counted whether it is the second of its kind, which raises the count of the first. */
async function eventCell(fault: Fault, counted: boolean): Promise<Cell> {
  const write = counted ? 'Event counted' : 'Event created';
  const namespace = await namespaceOf(write, fault);
  const eventsNow = async (): Promise<number> => (await admin.list(EVENTS, { namespace })).items.length;
  const metadata = { namespace, name: 'about' };
  const object = await admin.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  const running = run(namespace, false);
  const record = (reason: string): void =>
    running.manager.events.record(object, { type: 'Warning', reason, message: 'for a person' });
  if (counted) {
    record('Lost');
    await eventually(async () => (await eventsNow()) === 1, SOON);
  }
  armed.set(namespace, { fault, writes: / events$/ });
  const sinceMs = Date.now();
  record('Lost');
  const reportedMs = await eventually(async () => {
    const lost = await running.metric(/^redis_queue_events_lost_total\{reason="refused"\}/);
    return lost > 0 && running.loggedMs('event not written');
  }, SOON);
  armed.delete(namespace);
  const endedMs = Date.now();
  const before = await eventsNow();
  record('Seen');
  await eventually(async () => (await eventsNow()) > before, SOON);
  const recoveredMs = Date.now() - endedMs;
  await running.stop();
  return { write, fault, reportedMs: reportedMs - sinceMs, recoveredMs };
}

/** Nobody holds the Lease, and it cannot be taken. */
async function acquireCell(fault: Fault): Promise<Cell> {
  const namespace = await namespaceOf('acquire', fault);
  armed.set(namespace, { fault, writes: / leases$/ });
  const sinceMs = Date.now();
  const running = run(namespace, true);
  const reportedMs = await reported(running, 'POST', 'lease not acquired');
  expect(running.manager.isLeader).toBe(false);
  armed.delete(namespace);
  const endedMs = Date.now();
  await eventually(() => running.manager.isLeader, SOON);
  const recoveredMs = Date.now() - endedMs;
  await running.stop();
  return { write: 'Lease taken', fault, reportedMs: reportedMs - sinceMs, recoveredMs };
}

/** The Lease is ours, and cannot be renewed: the process ends by the deadline, and the next one takes it back at once. */
async function renewCell(fault: Fault): Promise<Cell> {
  const namespace = await namespaceOf('renew', fault);
  const running = run(namespace, true);
  await eventually(() => running.manager.isLeader, SOON);
  const renewedAt = (): number =>
    proxy.writes.findLast((write) => write.namespace === namespace && !refused(write))!.atMs;
  armed.set(namespace, { fault, writes: / leases$/ });
  const sinceMs = await eventually(
    () => proxy.writes.find((write) => write.namespace === namespace && write.atMs > renewedAt() + 500)?.atMs,
    SOON,
  );
  const reportedMs = await reported(running, 'PUT', 'lease not renewed');
  await expect(running.ended).rejects.toThrow('could not be renewed for 10 s');
  expect(Date.now() - renewedAt()).toBeLessThan(15_000);
  armed.delete(namespace);
  const endedMs = Date.now();
  const next = run(namespace, true);
  await eventually(() => next.manager.isLeader, SOON);
  const recoveredMs = Date.now() - endedMs;
  await Promise.all([running.stop(), next.stop()]);
  return { write: 'Lease renewed', fault, reportedMs: reportedMs - sinceMs, recoveredMs };
}

const refused = ({ code = 500 }: ApiWrite): boolean => code >= 400;

/** When the log, and the metric of requests, told of the Lease. */
async function reported(running: Running, method: string, message: string): Promise<number> {
  const failed = new RegExp(`^rest_client_requests_total\\{.*code="([45]..|<error>)".*method="${method}"`);
  return await eventually(async () => (await running.metric(failed)) > 0 && running.loggedMs(message), SOON);
}

it('each, refused in each way, is told within 10 s; events and leadership are back within 10 s', async () => {
  const cells = await Promise.all(
    FAULT_NAMES.flatMap((fault) => [
      eventCell(fault, false),
      eventCell(fault, true),
      acquireCell(fault),
      renewCell(fault),
    ]),
  );
  for (const cell of cells) process.stdout.write(`${JSON.stringify(cell)}\n`);
  const worstConditionMs = Math.round(Math.max(...cells.map(({ reportedMs }) => reportedMs)));
  const worstRecoveryMs = Math.max(...cells.map(({ recoveredMs }) => recoveredMs));
  const figures = { cells: cells.length, worstConditionMs, worstRecoveryMs };
  process.stdout.write(`${JSON.stringify({ matrix: 'the runtime', ...figures })}\n`);
  const known = new Set(['create events', 'patch events', 'create leases', 'update leases']);
  expect(proxy.writes.map(kindOfWrite).filter((write) => !known.has(write))).toEqual([]);
  expect(worstConditionMs).toBeLessThanOrEqual(SOON_MS);
  expect(worstRecoveryMs).toBeLessThanOrEqual(SOON_MS);
});

// Wall 1: a tenant may have a webhook for its namespace that answers nothing.
it('2,000 events of a namespace where nothing is answered delay none of another, whose room they leave', async () => {
  const [bad, good] = await Promise.all([namespaceOf('neighbour', 'no answer'), namespaceOf('other', 'no answer')]);
  armed.set(bad, { fault: 'no answer', writes: / events$/ });
  const running = run(good, false);
  const record = (namespace: string, name: string): void =>
    running.manager.events.record(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } },
      { type: 'Warning', reason: 'Seen', message: 'for a person' },
    );
  for (let index = 0; index < 2_000; index++) record(bad, `about-${index}`);
  record(good, 'about');
  const within = { timeoutMs: 3_000, intervalMs: 20 };
  await eventually(async () => (await admin.list(EVENTS, { namespace: good })).items.length === 1, within);
  expect(await running.metric(/^redis_queue_events_lost_total\{reason="full"\}/)).toBe(999);
  await running.stop();
}, 400_000);
