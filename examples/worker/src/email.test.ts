import { describe, expect, it } from 'vitest';
import { emailSchema, failsByPlan, signature, type Email } from './email.ts';

const email: Email = { to: 'a@example.com', run: 'r', sendMs: 1, rounds: 1 };

describe('an email', () => {
  it('has the same signature however often it is computed', () => {
    expect(signature('a', 3)).toBe(signature('a', 3));
    expect(signature('a', 3)).not.toBe(signature('a', 2));
  });

  it('fails as often as planned', () => {
    expect([1, 2].map((attempt) => failsByPlan({ ...email, failures: 1 }, attempt))).toEqual([true, false]);
    expect([1, 9].map((attempt) => failsByPlan({ ...email, failures: -1 }, attempt))).toEqual([true, true]);
    expect(failsByPlan(email, 1)).toBe(false);
  });

  it('is checked field by field', () => {
    const { validate } = emailSchema['~standard'];
    expect(validate(email)).toEqual({ value: email });
    expect(validate({ to: 'a', rounds: -1 }).issues?.map(({ path }) => path[0])).toEqual(['run', 'sendMs', 'rounds']);
    expect(validate(null).issues).toHaveLength(4);
  });
});
