import { DEFAULT_REDIS_SECRET } from '@redis-queue/api';
import type { AppFlag } from '@redis-queue/controller';

/** A name that the API server allows for a Secret (RFC 1123 subdomain). */
const LEGAL_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/**
 * A flag that lists names of Secrets, each of which is then watched by name. Empty: none. A name that no Secret can
 * have is refused, because its informer would fail for ever.
 */
export function secretNamesFlag(flag: Pick<AppFlag, 'default' | 'help'>): Required<AppFlag<string[]>> {
  return { ...flag, placeholder: 'NAMES', parse: parseSecretNames };
}

/** `--redis-secret-names`: the Secrets that RBAC lets an app read; every app has this flag. */
export const redisSecretNamesFlag = secretNamesFlag({
  default: DEFAULT_REDIS_SECRET,
  help: 'Secrets that may be read, comma-separated; the Helm value redis.secretNames.',
});

function parseSecretNames(list: string): string[] {
  const names = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const illegal = names.find((name) => !LEGAL_NAME.test(name));
  if (illegal !== undefined)
    throw new Error(`must be names of Secrets, separated by commas, and no Secret can be named "${illegal}"`);
  return [...new Set(names)];
}
