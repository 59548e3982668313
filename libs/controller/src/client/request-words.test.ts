import { expect, it } from 'vitest';
import { requestInWords } from './request-words.ts';

it.each([
  ['PATCH /apis/apps/v1/namespaces/shop/deployments/emails', 'patch deployments emails'],
  ['PATCH /apis/redis-queue.io/v1/namespaces/shop/queues/emails/status', 'patch queues/status emails'],
  ['POST /api/v1/namespaces/shop/events', 'create events'],
  ['PUT /apis/coordination.k8s.io/v1/namespaces/a/leases/b', 'update leases b'],
  ['GET /api/v1/pods', 'list pods'],
  ['GET /apis/redis-queue.io/v1/queues', 'list queues'],
  ['GET /version', 'GET /version'],
  ['WATCH pods', 'WATCH pods'],
])('%s is "%s"', (request, words) => {
  expect(requestInWords(request)).toBe(words);
});
