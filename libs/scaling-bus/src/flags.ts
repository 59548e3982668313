import { UsageError, type AppFlag } from '@redis-queue/controller';
import { busRedisFromEnvironment, type BusEnvironment } from './connection.ts';
import type { BusSetting } from './source.ts';

/** Flags of every app that uses the bus. */
export const busFlags = {
  'bus-secret-name': {
    default: '',
    help: 'Secret of the bus, in the namespace of the pod, watched; empty: BUS_REDIS_URL and so on. The Helm value bus.secretName.',
    placeholder: 'NAME',
    parse(text) {
      if (text !== '' && !LEGAL_NAME.test(text)) throw new Error('must be the name of a Secret');
      return text;
    },
  },
  'bus-tls': {
    default: 'false',
    help: 'Whether to speak TLS to redis-host of that Secret; a rediss:// URL does so anyway. The Helm value bus.tls.enabled.',
    placeholder: 'true|false',
    parse(text) {
      if (text !== 'true' && text !== 'false') throw new Error('must be true or false');
      return text === 'true';
    },
  },
} satisfies { 'bus-secret-name': Required<AppFlag>; 'bus-tls': Required<AppFlag<boolean>> };

/** A name that the API server allows for a Secret (RFC 1123 subdomain). */
const LEGAL_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/**
 * What flags and environment say of the bus.
 *
 * @param namespace of the pod, which is where the Secret lies.
 * @returns undefined when they name none.
 * @throws UsageError when a variable cannot be read, without its value.
 */
export function readBusFlags(
  flags: { readonly 'bus-secret-name': string; readonly 'bus-tls': boolean },
  env: BusEnvironment,
  namespace: string,
): BusSetting | undefined {
  const name = flags['bus-secret-name'];
  if (name !== '') return { secret: { namespace, name }, tls: flags['bus-tls'] };
  try {
    const redis = busRedisFromEnvironment(env);
    return redis && { redis };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
