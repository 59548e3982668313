import { DEFAULT_REDIS_SECRET } from '@redis-queue/api';
import { UsageError, type AppFlag } from '@redis-queue/controller';

/** The flag by which every app is told which Secrets RBAC lets it read. */
export const REDIS_SECRET_NAMES_FLAG = {
  'redis-secret-names': {
    default: DEFAULT_REDIS_SECRET,
    help: 'Secrets that may be read, comma-separated; the Helm value redis.secretNames',
    placeholder: 'NAMES',
  },
} as const satisfies Record<string, AppFlag>;

/** A name that the API server allows for a Secret (RFC 1123 subdomain). */
const LEGAL_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/**
 * The names of Secrets in a flag's comma-separated list, each once. Empty: none may be read.
 * @throws UsageError for a name that no Secret can have: its informer would fail for ever
 */
export function readSecretNames<F extends string>(flags: Readonly<Record<F, string>>, flag: F): string[] {
  const names = flags[flag]
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const illegal = names.find((name) => !LEGAL_NAME.test(name));
  if (illegal !== undefined)
    throw new UsageError(
      `--${flag}: "${illegal}" is no name of a Secret; give names of lower-case letters, digits, "-" and ".", separated by commas`,
    );
  return [...new Set(names)];
}
