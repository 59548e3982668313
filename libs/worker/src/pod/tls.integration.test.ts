import {
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  startRedis,
  temporaryFolder,
  tlsArguments,
  type KeyPair,
  type RedisServer,
} from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATIENCE, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const SERVER_NAME = 'redis.shop.example';

const folder = temporaryFolder('tls');
let server: RedisServer;
let another: KeyPair;
let env: Record<string, string>;

beforeAll(async () => {
  const ca = await createAuthority(folder, 'ca', 'ca');
  another = await createAuthority(folder, 'another-ca', 'another-ca');
  const pair = await issueCertificate(folder, 'redis', 'redis', ca, `subjectAltName=DNS:${SERVER_NAME}`);
  const client = await issueCertificate(folder, 'client', 'client', ca, 'extendedKeyUsage=clientAuth');
  const port = await freePort();
  server = await startRedis({ args: tlsArguments({ ca: ca.certificate, ...pair, asksClients: true }, port) });
  env = {
    REDIS_URL: '',
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(port),
    REDIS_TLS: 'true',
    REDIS_TLS_SERVER_NAME: SERVER_NAME,
    NODE_EXTRA_CA_CERTS: ca.certificate,
    REDIS_TLS_CERT_FILE: client.certificate,
    REDIS_TLS_KEY_FILE: client.key,
  };
});

afterAll(async () => {
  await server.stop();
});

describe('a pod whose Redis speaks TLS', () => {
  it('shows its certificate, trusts the authority of the Secret and expects the name of the Queue', async () => {
    const pod = await bed.readyPod('pod-0', env);
    expect((await pod.get('/readyz')).body).toBe('fetching\n');
  });

  it.each([
    {
      what: 'an authority that it does not know',
      wrong: () => ({ NODE_EXTRA_CA_CERTS: another.certificate }),
      says: /not signed by an authority that this pod knows; give it as redis-ca\.crt in the Secret/,
    },
    {
      what: 'another name in the certificate',
      wrong: () => ({ REDIS_TLS_SERVER_NAME: 'other.example' }),
      says: /other\.example.*REDIS_TLS_SERVER_NAME/,
    },
    {
      what: 'no name to expect but its address',
      wrong: () => ({ REDIS_TLS_SERVER_NAME: '' }),
      says: /127\.0\.0\.1.*REDIS_TLS_SERVER_NAME/,
    },
    {
      what: 'a server that does not know who signed its certificate',
      wrong: () => ({ REDIS_TLS_CERT_FILE: another.certificate, REDIS_TLS_KEY_FILE: another.key }),
      says: /Redis does not accept the certificate of this pod/,
    },
  ])('that meets $what says what to set; it is not ready, but alive', async ({ wrong, says }) => {
    const pod = await bed.startPod('pod-0', { ...env, ...wrong() });
    await eventually(async () => says.test((await pod.get('/readyz')).body), PATIENCE);
    expect((await pod.get('/readyz')).status).toBe(503);
    expect((await pod.get('/livez')).status).toBe(200);
    expect(pod.process.lines.join('\n')).toMatch(says);
  });
});
