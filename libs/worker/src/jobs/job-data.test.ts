import { describe, expect, it } from 'vitest';
import { checkJobData, type StandardSchema } from './job-data.ts';

function schemaOf(validate: StandardSchema['~standard']['validate']): StandardSchema {
  return { '~standard': { validate } };
}

describe("a job's data", () => {
  it('passes as it is without a schema', async () => {
    expect(await checkJobData(undefined, { to: 'a' })).toEqual({ ok: true, data: { to: 'a' } });
  });

  it('is what the schema makes of it', async () => {
    const trimmed = schemaOf((value) => ({ value: String(value).trim() }));
    expect(await checkJobData(trimmed, ' a ')).toEqual({ ok: true, data: 'a' });
  });

  it('that does not fit is refused with the fields named', async () => {
    const refusing = schemaOf(() =>
      Promise.resolve({
        issues: [{ message: 'expected string', path: ['to', { key: 0 }] }, { message: 'unknown key' }],
      }),
    );
    expect(await checkJobData(refusing, {})).toEqual({
      ok: false,
      message: 'data does not fit the schema: to.0: expected string; unknown key',
    });
  });

  it('with very many faults does not fill Redis with them', async () => {
    const issues = Array.from({ length: 100 }, () => ({ message: 'wrong' }));
    const result = await checkJobData(
      schemaOf(() => ({ issues })),
      {},
    );
    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(/; 95 more$/) });
  });
});
