import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { GRACEFUL_SHUTDOWN_MS } from './manager.ts';

it('a stop takes no longer than the charts have Kubernetes give a pod, with time to give its Lease back', () => {
  const template = new URL('../../../../charts/common/templates/_deployment.tpl', import.meta.url);
  const [, seconds] = /^\s+terminationGracePeriodSeconds: (\d+)$/m.exec(readFileSync(template, 'utf8')) ?? [];
  expect(Number(seconds) * 1_000).toBeGreaterThanOrEqual(GRACEFUL_SHUTDOWN_MS + 5_000);
});
