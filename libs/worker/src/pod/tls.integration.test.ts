import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort, startRedis, temporaryFolder, type RedisServer } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATIENCE, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const SERVER_NAME = 'redis.shop.example';

let folder: string;
let server: RedisServer;
let env: Record<string, string>;

beforeAll(async () => {
  folder = temporaryFolder('tls');
  await authority('ca');
  await authority('another-ca');
  await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=redis', '-keyout', 'key.pem', '-out', 'csr.pem');
  const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  const names = ['-extfile', await file('san.cnf', `subjectAltName=DNS:${SERVER_NAME}`)];
  await openssl('x509', '-req', '-in', 'csr.pem', '-out', 'cert.pem', ...signer, ...names);
  const port = await freePort();
  const certificate = ['--tls-cert-file', join(folder, 'cert.pem'), '--tls-key-file', join(folder, 'key.pem')];
  const clients = ['--tls-ca-cert-file', join(folder, 'ca.crt'), '--tls-auth-clients', 'no'];
  server = await startRedis({ args: ['--tls-port', String(port), ...certificate, ...clients] });
  env = {
    REDIS_URL: '',
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(port),
    REDIS_TLS: 'true',
    REDIS_TLS_SERVER_NAME: SERVER_NAME,
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.crt'),
  };
});

afterAll(async () => {
  await server.stop();
});

describe('a pod whose Redis speaks TLS', () => {
  it('trusts the authority of the Secret and expects the name of the Queue in the certificate', async () => {
    const pod = await bed.readyPod('pod-0', env);
    expect((await pod.get('/readyz')).body).toBe('fetching\n');
  });

  it.each([
    {
      what: 'an authority that it does not know',
      wrong: () => ({ NODE_EXTRA_CA_CERTS: join(folder, 'another-ca.crt') }),
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
  ])('that meets $what says what to set; it is not ready, but alive', async ({ wrong, says }) => {
    const pod = await bed.startPod('pod-0', { ...env, ...wrong() });
    await eventually(async () => says.test((await pod.get('/readyz')).body), PATIENCE);
    expect((await pod.get('/readyz')).status).toBe(503);
    expect((await pod.get('/livez')).status).toBe(200);
    expect(pod.process.lines.join('\n')).toMatch(says);
  });
});

async function authority(name: string): Promise<void> {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${name}`, ...files);
}

async function openssl(...args: string[]): Promise<void> {
  await promisify(execFile)('openssl', args, { cwd: folder });
}

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}
