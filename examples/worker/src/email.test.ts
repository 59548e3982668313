import { describe, expect, it } from 'vitest';
import { Email, failsByPlan, signature } from './email.ts';

describe('an email', () => {
  it('has the same signature however often it is computed', () => {
    expect(signature('a', 3)).toBe(signature('a', 3));
    expect(signature('a', 3)).not.toBe(signature('a', 2));
  });

  it('fails as often as planned', () => {
    expect([1, 2].map((attempt) => failsByPlan({ failures: 1 }, attempt))).toEqual([true, false]);
    expect([1, 9].map((attempt) => failsByPlan({ failures: -1 }, attempt))).toEqual([true, true]);
    expect(failsByPlan({ failures: 0 }, 1)).toBe(false);
  });

  it('is checked field by field, and is planned to fail only if it says so', () => {
    const email = { to: 'a@example.com', run: 'r', sendMs: 1, rounds: 1 };
    expect(Email.parse(email)).toEqual({ ...email, failures: 0 });
    const { error } = Email.safeParse({ to: 'a', rounds: -1 });
    expect(error?.issues.map(({ path }) => path[0])).toEqual(['run', 'sendMs', 'rounds']);
  });
});
