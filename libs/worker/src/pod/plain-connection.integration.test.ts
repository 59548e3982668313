// How pods without this library connect, as docs/redis-topologies.md says: by what the examples' Secrets hold.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  PYTHON,
  pythonPackages,
  startProcess,
  startRedis,
  startRedisCluster,
  temporaryFolder,
  tlsArguments,
  workspaceRoot,
} from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { beforeAll, describe, expect, it } from 'vitest';
import { openRedis, type PodRedis } from '../redis/open-redis.ts';
import { PATIENCE } from './testbed.ts';

const PASSWORD = 'p@ss/word';
const IN_URL = encodeURIComponent(PASSWORD);
const SERVER_NAME = 'redis.shop.example';

let packages: string;

beforeAll(async () => {
  packages = await pythonPackages(join(workspaceRoot, 'examples/python-worker/requirements.txt'));
});

const PROGRAMS = [
  { language: 'TypeScript', program: process.execPath, file: 'plain-connected.fixture.ts', says: 'by plain BullMQ' },
  { language: 'Python', program: PYTHON, file: 'plain_connected.py', says: 'by Python' },
];

describe.each(PROGRAMS)('the sample in $language', ({ program, file, says }) => {
  /** What a job comes to that a worker with this environment runs. */
  async function ran(env: Record<string, string>, place: PodRedis): Promise<unknown> {
    await using stack = new AsyncDisposableStack();
    const redis = openRedis({ ...place, password: PASSWORD, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    stack.defer(() => redis.disconnect());
    const queue = new Queue('{q}', { connection: redis });
    queue.on('error', () => undefined);
    const { id } = await queue.add('work', {});
    const worker = startProcess(program, [`${import.meta.dirname}/${file}`], {
      env: {
        ...env,
        PYTHONPATH: packages,
        PYTHONDONTWRITEBYTECODE: '1',
        RQ_QUEUES: JSON.stringify([{ name: '{q}', prefix: 'bull' }]),
      },
    });
    stack.defer(async () => void (await worker.stop('SIGKILL')));
    return await eventually(
      async () => {
        const result: unknown = (await queue.getJob(id!))?.returnvalue;
        if (!result) throw new Error(`not done; the worker says ${worker.lines.slice(-5).join(' ')}`);
        return result;
      },
      { ...PATIENCE, description: 'a job to be done' },
    );
  }

  it('takes password, database and TLS from a URL, the name that the certificate has, and a certificate of its own', async () => {
    const folder = temporaryFolder('plain-tls');
    const ca = await createAuthority(folder, 'ca', 'ca');
    const pair = await issueCertificate(folder, 'redis', 'redis', ca, `subjectAltName=DNS:${SERVER_NAME}`);
    const port = await freePort();
    const client = await issueCertificate(folder, 'client', 'client', ca, 'extendedKeyUsage=clientAuth');
    const shown = tlsArguments({ ca: ca.certificate, ...pair, asksClients: true }, port);
    await using server = await startRedis({ args: [...shown, '--requirepass', PASSWORD] });
    const env = {
      REDIS_URL: `rediss://:${IN_URL}@127.0.0.1:${port}/3`,
      REDIS_TLS_SERVER_NAME: SERVER_NAME,
      NODE_EXTRA_CA_CERTS: ca.certificate,
      REDIS_TLS_CERT_FILE: client.certificate,
      REDIS_TLS_KEY_FILE: client.key,
    };
    const tls = {
      ca: readFileSync(ca.certificate, 'utf8'),
      cert: readFileSync(client.certificate, 'utf8'),
      key: readFileSync(client.key, 'utf8'),
      servername: SERVER_NAME,
    };
    expect(await ran(env, { host: '127.0.0.1', port, db: 3, tls })).toBe(says);
    expect(server.port).not.toBe(port);
  });

  it('takes host and password of a Cluster from a URL', async () => {
    await using cluster = await startRedisCluster(3, { password: PASSWORD });
    const { host, port } = cluster.address;
    const env = { REDIS_URL: `redis://:${IN_URL}@${host}:${port}`, REDIS_CLUSTER: 'true' };
    expect(await ran(env, { cluster: true, host, port })).toBe(says);
  });

  it('takes a database beside the host, and drops the space around values', async () => {
    await using server = await startRedis({ args: ['--requirepass', PASSWORD] });
    const { port } = server;
    const env = {
      REDIS_HOST: '127.0.0.1\n',
      REDIS_PORT: `${port}\n`,
      REDIS_DB: '2\n',
      REDIS_PASSWORD: `${PASSWORD}\n`,
    };
    expect(await ran(env, { host: '127.0.0.1', port, db: 2 })).toBe(says);
  });
});
