import * as ioredis from 'ioredis';
import { versionOf } from '../bullmq/unusable.ts';

/** What this package uses of the exports of ioredis; types need nothing at run time. */
const USED = ['Cluster', 'Redis'] as const satisfies readonly (keyof typeof ioredis)[];

const missing = USED.filter((name) => !(name in ioredis));
if (missing.length > 0) {
  throw new Error(
    `ioredis ${versionOf('ioredis')} lacks ${missing.join(', ')}, which @redis-queue/worker needs to reach Redis (tested ` +
      'with 5.11.1 and later of 5, and 6); install the one that your BullMQ uses: npm install ioredis@5 beside BullMQ 5, ioredis@6 beside BullMQ 6',
  );
}

/** What is taken below and is not named above does not compile. */
const checked: Pick<typeof ioredis, (typeof USED)[number]> = ioredis;

/**
 * ioredis as it is installed, which has what this package uses. Only here is it imported: where another module imports
 * an export that is not there, Node calls it a syntax error before a line of this package has run.
 */
export const { Cluster, Redis } = checked;
export type Cluster = ioredis.Cluster;
export type Redis = ioredis.Redis;
