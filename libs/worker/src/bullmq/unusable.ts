import { createRequire } from 'node:module';

/** What is tested; the range of package.json says the same. */
const TESTED = '5.81.5 and later of 5, 6.7.0 and later of 6';

/** Why no worker starts on the installed BullMQ, which lacks these, and the way out. */
export function unusable(missing: readonly string[]): Error {
  return new Error(
    `bullmq ${versionOf('bullmq')} lacks ${missing.join(', ')}, which @redis-queue/worker ` +
      `needs to hold jobs (tested with ${TESTED}); install a version that is tested: npm install bullmq@6`,
  );
}

/** The version of an installed package, for messages alone: a bundle has no package.json to read. */
export function versionOf(name: string): string {
  try {
    return (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;
  } catch {
    return '(bundled)';
  }
}
