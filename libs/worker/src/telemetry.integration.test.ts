import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { Queue } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import { Redis } from 'ioredis';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLog, startWorkers, type Handler, type Workers } from './index.ts';
import { drainQueues } from './testing/index.ts';

let server: RedisServer;
let connection: Redis;
let queue: Queue;
const exporter = new InMemorySpanExporter();
let telemetry: BullMQOtel;

beforeAll(async () => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  telemetry = new BullMQOtel(); // after the provider: a tracer taken before it may stay without
  server = await startRedis();
  connection = new Redis({ port: server.port, maxRetriesPerRequest: null });
  queue = new Queue('emails', { connection, telemetry });
});
afterEach(async () => {
  exporter.reset();
  await connection.flushall();
});
afterAll(async () => {
  trace.disable();
  context.disable();
  propagation.disable();
  connection.disconnect();
  await server.stop();
});

/** Adds a job within a span of the producer's; the trace it belongs to. */
async function addTraced(opts: object = {}): Promise<string> {
  return await trace.getTracer('producer').startActiveSpan('request', async (span) => {
    await queue.add('send', { to: 'ada' }, opts);
    span.end();
    return span.spanContext().traceId;
  });
}

const spans = (name: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === name);
const idOf = (span: ReadableSpan | undefined): string => span?.spanContext().spanId ?? 'no such span';
const parentOf = (span: ReadableSpan | undefined): string | undefined => span?.parentSpanContext?.spanId;
const drain = async (handler: Handler): Promise<unknown> =>
  await drainQueues({ handlers: { emails: handler }, redis: { port: server.port }, telemetry });

describe('a job that is traced', () => {
  it("has its run below the producer's span, and the handler's own spans below its run", async () => {
    const traceId = await addTraced();
    await drain(async () => {
      await trace.getTracer('worker').startActiveSpan('smtp', async (span) => {
        await Promise.resolve();
        span.end();
      });
    });
    const [process] = spans('process emails');
    expect(parentOf(process)).toBe(idOf(spans('add emails.send')[0]));
    expect(parentOf(spans('smtp')[0])).toBe(idOf(process));
    expect([process, ...spans('smtp')].map((span) => span?.spanContext().traceId)).toEqual([traceId, traceId]);
    expect(process?.attributes).toMatchObject({ 'bullmq.worker.name': 'test', 'bullmq.job.attempts.made': 1 });
  });

  it('has a span for each attempt, all in the trace of its producer', async () => {
    const traceId = await addTraced({ attempts: 2 });
    await drain((job) => (job.attemptsMade === 0 ? Promise.reject(new Error('first')) : Promise.resolve()));
    const attempts = spans('process emails');
    expect(attempts.map((span) => span.spanContext().traceId)).toEqual([traceId, traceId]);
    expect(new Set(attempts.map(idOf)).size).toBe(2);
    expect(attempts.map(({ events }) => events.map(({ name }) => name))).toEqual([['job failed'], ['job completed']]);
  });

  it('does not share a trace with the job that the same slot ran before it', async () => {
    const traces = [await addTraced(), await addTraced(), await addTraced()];
    await drainQueues({
      handlers: { emails: () => Promise.resolve() },
      redis: { port: server.port },
      telemetry,
      concurrency: 1,
    });
    expect(spans('process emails').map((span) => span.spanContext().traceId)).toEqual(traces);
    expect(new Set(traces).size).toBe(3);
  });

  it('ends its span without an error when it is handed back, and has a new one below the same producer', async () => {
    await addTraced();
    const workers = startWorkers(handingBack());
    await eventually(async () => (await queue.getActiveCount()) === 1, { timeoutMs: 30_000 });
    expect(await workers.drain(AbortSignal.abort())).toBe('handed back');
    const [first] = spans('process emails');
    expect(first).toMatchObject({ events: [], status: { code: SpanStatusCode.UNSET } });
    await drain(() => Promise.resolve());
    const [, second] = spans('process emails');
    expect(idOf(second)).not.toBe(idOf(first));
    expect(parentOf(second)).toBe(idOf(spans('add emails.send')[0]));
  });
});

function handingBack(): Parameters<typeof startWorkers>[0] {
  return {
    config: {
      queues: [{ queue: 'emails', name: 'emails', prefix: 'bull' }],
      concurrency: 1,
      pool: 'p',
      namespace: 'n',
      version: '1',
      podName: 'p-0',
      gracePeriodMs: 60_000,
      maxDrainTimeMs: 60_000,
      httpPort: 0,
    },
    redis: { port: server.port, maxRetriesPerRequest: null },
    handlers: { emails: () => new Promise<Workers>(() => undefined) },
    telemetry,
    log: createLog('error', Date.now, () => undefined),
  };
}
