import { createHash } from 'node:crypto';
import { boundRedisSecret } from '@redis-queue/bullmq';
import type { Resource } from '@redis-queue/controller';
import type { SecretObject } from './objects.ts';

/** A Secret as its cache holds it: what leads to a Redis, and a digest of all it has. */
export function boundedSecret(secret: Resource): SecretObject {
  const { apiVersion, kind, metadata, data = {} } = secret as SecretObject;
  return { apiVersion, kind, metadata, data: boundRedisSecret(data), digest: digestOf(data) };
}

function digestOf(data: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}
