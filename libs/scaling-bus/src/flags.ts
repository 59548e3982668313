import { UsageError, type AppFlag } from '@redis-queue/controller';
import { busRedisFromEnvironment, type BusEnvironment } from './connection.ts';
import type { BusSetting } from './source.ts';

/** Flags of every app that uses the bus. */
export const busFlags = {
  'bus-secret-name': {
    default: '',
    help: 'Secret of the bus, in the namespace of the pod, watched; empty: BUS_REDIS_URL and so on. The Helm value bus.secretName.',
    placeholder: 'NAME',
    parse: parseSecretName,
  },
  'bus-tls-secret-name': {
    default: '',
    help: 'Secret of certificates for the bus, beside the other one, watched: tls.crt and tls.key, ca.crt; empty: none. The Helm value bus.tls.secretName.',
    placeholder: 'NAME',
    parse: parseSecretName,
  },
  'bus-tls-server-name': {
    default: '',
    help: "The name in the certificate of the bus's Redis, where that is not redis-host. The Helm value bus.tls.serverName.",
    placeholder: 'NAME',
    parse(text) {
      if (text !== '' && !SERVER_NAME.test(text)) throw new Error('must be a name or an address');
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
} satisfies {
  'bus-secret-name': Required<AppFlag>;
  'bus-tls-secret-name': Required<AppFlag>;
  'bus-tls-server-name': Required<AppFlag>;
  'bus-tls': Required<AppFlag<boolean>>;
};

const SERVER_NAME = /^[A-Za-z0-9.:_-]{1,253}$/;

function parseSecretName(text: string): string {
  if (text !== '' && !LEGAL_NAME.test(text)) throw new Error('must be the name of a Secret');
  return text;
}

/** A name that the API server allows for a Secret (RFC 1123 subdomain). */
const LEGAL_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/**
 * What flags and environment say of the bus.
 *
 * @param namespace of the pod, which is where the Secrets lie.
 * @returns undefined when they name none.
 * @throws UsageError when a variable cannot be read, without its value.
 */
export function readBusFlags(
  flags: {
    readonly 'bus-secret-name': string;
    readonly 'bus-tls-secret-name': string;
    readonly 'bus-tls-server-name': string;
    readonly 'bus-tls': boolean;
  },
  env: BusEnvironment,
  namespace: string,
): BusSetting | undefined {
  const name = flags['bus-secret-name'];
  const certificates = flags['bus-tls-secret-name'];
  const serverName = flags['bus-tls-server-name'];
  if (name !== '')
    return {
      secret: { namespace, name },
      tls: flags['bus-tls'],
      ...(serverName !== '' && { serverName }),
      ...(certificates !== '' && { certificates: { namespace, name: certificates } }),
    };
  if (certificates !== '' || serverName !== '')
    throw new UsageError(
      '--bus-tls-secret-name and --bus-tls-server-name need --bus-secret-name; set it too, or neither',
    );
  try {
    const redis = busRedisFromEnvironment(env);
    return redis && { redis };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
