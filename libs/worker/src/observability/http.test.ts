import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { Slots } from '../queues/slots.ts';
import { expositionOf } from './http.ts';
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
