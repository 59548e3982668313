import { runJob } from '@redis-queue/worker/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from './ledger.ts';
import { createSendEmail } from './send-email.ts';

const recorded: string[] = [];
const ledger: Ledger = {
  start: async (run, id) => await Promise.resolve(recorded.push(`${run}/${id} started`)),
  effect: async (run, id) => await Promise.resolve(void recorded.push(`${run}/${id} sent`)),
};
const sendEmail = createSendEmail(ledger);
const data = { to: 'ada@example.com', run: 'r', sendMs: 1, rounds: 1 };

beforeEach(() => void recorded.splice(0));

describe('sending an email', () => {
  it('records the effect once the mail server has it', async () => {
    const run = await runJob(sendEmail, { data, id: '7' });
    expect(run).toMatchObject({ outcome: 'completed', result: { signed: expect.stringMatching(/^[0-9a-f]{64}$/) } });
    expect(recorded).toEqual(['r/7 started', 'r/7 sent']);
  });

  it('is tried again when the mail server refuses, and records nothing', async () => {
    const run = await runJob(sendEmail, { data: { ...data, failures: 1 }, opts: { attempts: 2 } });
    expect(run).toMatchObject({ outcome: 'retried', error: { message: 'the mail server refused (planned)' } });
    expect(recorded).toEqual(['r/1 started']);
  });

  it('stops when its pod has to leave, without an effect', async () => {
    const leave = new AbortController();
    const run = runJob(sendEmail, { data: { ...data, sendMs: 600_000 }, signal: leave.signal });
    leave.abort();
    expect((await run).outcome).toBe('handed_back');
    expect(recorded).toEqual(['r/1 started']);
  });

  it('refuses a job without an address for good', async () => {
    const run = await runJob(sendEmail, { data: { ...data, to: undefined }, opts: { attempts: 3 } });
    expect(run).toMatchObject({ outcome: 'failed', error: { message: expect.stringMatching(/: to: /) } });
    expect(recorded).toEqual([]);
  });
});
