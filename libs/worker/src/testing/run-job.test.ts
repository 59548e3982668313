import { setTimeout as sleep } from 'node:timers/promises';
import { UnrecoverableError } from 'bullmq';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { handle, type Handler } from '../index.ts';
import { runJob } from './run-job.ts';

const greet = handle(z.object({ name: z.string().trim() }), async (job, { log }) => {
  log.info('greeting', { name: job.data.name });
  await job.updateProgress(50);
  await job.log('half way');
  return { greeting: `Hello ${job.data.name}` };
});

const refuse: Handler = () => Promise.reject(new Error('the mail server is down'));
const hopeless: Handler = () => Promise.reject(new UnrecoverableError('no such address'));
const attempts: Handler<unknown, number> = (job) => Promise.resolve(job.attemptsMade);

describe('a handler run on one job', () => {
  it('gets what the schema makes of the data, and its result and notes are returned', async () => {
    const run = await runJob(greet, { data: { name: ' Ada ' }, id: '7' });
    expect(run).toMatchObject({ outcome: 'completed', result: { greeting: 'Hello Ada' } });
    expect(run).toMatchObject({ progress: [50], rows: ['half way'] });
    expect(run.logs).toMatchObject([{ level: 'info', msg: 'greeting', name: 'Ada', jobId: '7', attempt: 1 }]);
    if (run.outcome === 'completed') expectTypeOf(run.result).toEqualTypeOf<{ greeting: string }>();
  });

  it('fails for good on data that does not fit, whatever attempts are left', async () => {
    const run = await runJob(greet, { data: {}, opts: { attempts: 5 } });
    expect(run).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringMatching(/^data does not fit the schema: name: /) },
    });
  });

  it('is retried while attempts are left, then fails', async () => {
    const opts = { attempts: 2 };
    expect((await runJob(refuse, { data: {}, opts })).outcome).toBe('retried');
    expect((await runJob(refuse, { data: {}, opts, attempt: 2 })).outcome).toBe('failed');
    expect((await runJob(refuse, { data: {} })).outcome).toBe('failed');
  });

  it('fails at once when it says that a retry cannot help', async () => {
    expect((await runJob(hopeless, { data: {}, opts: { attempts: 9 } })).outcome).toBe('failed');
  });

  it('knows which attempt it is', async () => {
    expect(await runJob(attempts, { data: {}, attempt: 3 })).toMatchObject({ outcome: 'completed', result: 2 });
  });

  it('is handed back when it stops by its signal', async () => {
    const leave = new AbortController();
    const run = runJob(async (_job, { signal }) => await sleep(600_000, undefined, { signal }), {
      data: {},
      signal: leave.signal,
    });
    leave.abort();
    expect((await run).outcome).toBe('handed_back');
  });

  it('gets an error that says what to use when it needs Redis', async () => {
    const run = await runJob((job) => job.getChildrenValues(), { data: {} });
    expect(run).toMatchObject({ outcome: 'failed', error: { message: expect.stringMatching(/drainQueues/) } });
  });
});
