import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { Slots } from '../queues/slots.ts';
import type { Health } from './health.ts';
import { expositionOf, serveHttp, type Exposition } from './http.ts';
import { createWorkerMetrics } from './metrics.ts';

const own = (): Registry =>
  createWorkerMetrics(
    new Slots(3),
    () => true,
    () => 0,
  ).registry;

it("serves the user's metrics after the pod's own", async () => {
  const users = new Registry();
  new Counter({ name: 'emails_sent_total', help: 'Emails handed to the mail server.', registers: [users] }).inc(2);
  const text = await expositionOf(own(), users).text();
  expect(text).toMatch(/redis_queue_worker_slots\{state="free"\} 3\n[^]*\nemails_sent_total 2\n$/);
});

it('serves the own metrics alone where the user gives none', async () => {
  const registry = own();
  expect(await expositionOf(registry).text()).toContain('redis_queue_worker_redis_connected 1');
});

it('refuses a registry that doubles a metric, and says which and what to do', () => {
  const users = new Registry();
  collectDefaultMetrics({ register: users });
  expect(() => expositionOf(own(), users)).toThrow(/process_cpu_user_seconds_total.*leave out collectDefaultMetrics/);
});

const ok = (): Health => ({ ok: true, message: 'fine' });
const gauge = (registers: Registry[], name: string, collect: () => Promise<void>): Gauge =>
  new Gauge({ name, help: 'Rows.', registers: [...registers], collect });

it("leaves out a metric of the user's that fails, says so once, and serves the others", async () => {
  const users = new Registry();
  gauge([users], 'db_rows', async () => await Promise.reject(new Error('database is away')));
  new Counter({ name: 'emails_sent_total', help: 'Emails.', registers: [users] }).inc(2);
  const logged: unknown[] = [];
  const exposition = expositionOf(own(), users, (metric, error) => logged.push([metric, (error as Error).message]));
  for (let scrape = 0; scrape < 2; scrape++) {
    const text = await exposition.text();
    expect(text).toContain('redis_queue_worker_redis_connected 1');
    expect(text).toMatch(/^emails_sent_total 2$/m);
    expect(text).toMatch(/^# db_rows could not be collected$/m);
  }
  expect(logged).toEqual([['db_rows', 'database is away']]);
});

it("does not wait for a metric of the user's that hangs, nor asks it anew", async () => {
  const users = new Registry();
  let asked = 0;
  gauge([users], 'db_rows', async () => {
    asked++;
    await new Promise(() => undefined);
  });
  const { text } = expositionOf(own(), users, () => undefined, 5);
  for (let scrape = 0; scrape < 2; scrape++) expect(await text()).toContain('redis_queue_worker_redis_connected 1');
  expect(asked).toBe(1);
});

it('answers 500 where the metrics fail, and goes on', async () => {
  const metrics: Exposition = { contentType: 'text/plain', text: () => Promise.reject(new Error('no metrics')) };
  const server = await serveHttp(0, { livez: ok, readyz: ok, metrics });
  onTestFinished(async () => {
    server.close();
    await once(server, 'close');
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = await fetch(`${url}/metrics`);
  expect([answer.status, await answer.text()]).toEqual([500, 'no metrics\n']);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});
