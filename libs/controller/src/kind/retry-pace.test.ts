import { expect, it } from 'vitest';
import { widget, type Widget } from '../testing/widgets.ts';
import { RetryPace } from './retry-pace.ts';

const NOW_MS = Date.parse('2026-03-04T05:06:07Z');

/** Not ready for the same hour, because of that. */
function status(reason: string): NonNullable<Widget['status']> {
  const lastTransitionTime = new Date(NOW_MS - 3_600_000).toISOString();
  return { conditions: [{ type: 'Ready', status: 'False', reason, message: '', lastTransitionTime }] };
}

function afterMs(pace: RetryPace<Widget>, before: string, now: string, secondsLater = 0): number {
  const object = { ...widget('shop', 'a'), status: status(before) };
  return pace.afterMs(object, status(now), new Date(NOW_MS + secondsLater * 1_000), 0.5);
}

it('counts from when the reason came, not from when the object was not ready any more', () => {
  const pace = new RetryPace<Widget>();
  expect(afterMs(pace, 'Working', 'SecretNotFound')).toBe(1_000);
  expect(afterMs(pace, 'SecretNotFound', 'SecretNotFound', 10)).toBe(10_000);
  expect(afterMs(pace, 'SecretNotFound', 'RedisUnreachable', 11)).toBe(1_000);
  // It worked in between.
  expect(afterMs(pace, 'Working', 'RedisUnreachable', 300)).toBe(1_000);
});

it('a reason that an earlier process gave counts from when the object was not ready any more', () => {
  const pace = new RetryPace<Widget>();
  expect(afterMs(pace, 'SecretNotFound', 'SecretNotFound')).toBe(60_000);
});
