import type { Job } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { fileHandler, type RunFile } from './file-handler.ts';
import { JobStopped, type JobContext } from './handler.ts';

const reason = new JobStopped('the pod drains');
const job = { id: '1', token: 'worker:1' } as Job;

async function run(runFile: RunFile, leave = new AbortController()): Promise<unknown> {
  const context = { signal: leave.signal } as JobContext;
  const result = fileHandler(runFile)(job, context);
  leave.abort(reason);
  return await result;
}

describe('a handler that is a file', () => {
  it("gets the job, its token and a signal that aborts with the reason's text, which JSON keeps", async () => {
    const seen: unknown[] = [];
    const leave = new AbortController();
    await run(async (given, token, signal) => {
      await Promise.resolve();
      seen.push(given, token, signal.reason);
    }, leave);
    expect(seen).toEqual([job, 'worker:1', 'the pod drains']);
    expect(await run((_job, _token, signal) => Promise.resolve(signal.reason), leave)).toBe('the pod drains');
  });

  it.each([
    ['throws the reason', Object.assign(new Error(), { message: 'the pod drains' })],
    ['throws what timers throw', Object.assign(new Error(), { name: 'AbortError', message: 'aborted' })],
  ])('has stopped as asked when it %s', async (_how, error) => {
    await expect(run(() => Promise.reject(error))).rejects.toBe(reason);
  });

  it('has failed when it throws anything else', async () => {
    await expect(run(() => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
  });
});
