import { request as send } from 'node:https';
import { connect, type Socket } from 'node:net';
import { eventually } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../testing/widgets.ts';
import type { Leaf } from './certificate-plan.ts';
import { issueLeaf } from './issue.ts';
import { WebhookServer } from './webhook-server.ts';

let leaf: Leaf;
let server: WebhookServer;
let registry: Registry;
const sockets: Socket[] = [];
beforeAll(async () => {
  leaf = await issueLeaf({ names: ['localhost'], nowMs: Date.now(), validMs: 3_600_000 });
});
beforeEach(async () => {
  registry = new Registry();
  server = new WebhookServer({
    port: 0,
    host: '127.0.0.1',
    registry,
    log: silentLog,
    maxBodyBytes: 20_000,
    maxBufferedBytes: 30_000,
    maxConnections: 20,
    deadlineMs: 500,
  });
  server.register({
    kind: 'widget',
    validate: ({ object, signal }) =>
      object.metadata.name === 'slow'
        ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
        : { refusals: object.metadata.name === 'bad' ? ['metadata.name: bad'] : [] },
  });
  await server.start();
  server.serve(leaf);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop(1_000);
});

interface Reply {
  readonly status: number;
  readonly text: string;
}

function post(path: string, body: string, options: object = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const { port } = server;
    const to = {
      host: '127.0.0.1',
      servername: 'localhost',
      port,
      path,
      method: 'POST',
      headers,
      ca: leaf.ca,
      agent: false,
    };
    const request = send({ ...to, ...options }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const review = (name: string, padding = 0): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: 'u', operation: 'CREATE', object: { metadata: { name }, spec: 'x'.repeat(padding) } },
  });
const responseOf = ({ text }: Reply): { allowed: boolean; warnings?: string[] } =>
  (JSON.parse(text) as { response: { allowed: boolean } }).response;

it('answers what it is asked, and refuses what is no question', async () => {
  expect(responseOf(await post('/validate/widget?timeout=5s', review('good')))).toMatchObject({ allowed: true });
  expect(responseOf(await post('/validate/widget?timeout=5s', review('bad')))).toMatchObject({ allowed: false });
  expect(await post('/validate/gadget', review('good'))).toMatchObject({ status: 404 });
  expect(await post('/validate/widget', '{')).toMatchObject({ status: 400 });
  expect(await post('/validate/widget', review('good', 20_000))).toMatchObject({ status: 413 });
  expect(await post('/validate/widget', '', { method: 'GET' })).toMatchObject({ status: 405 });
  expect(await post('/validate/widget', 'a', { headers: { 'content-type': 'text/plain' } })).toMatchObject({
    status: 415,
  });
  expect(await registry.metrics()).toMatch(/requests_total\{webhook="\/validate\/widget",code="413"\} 1/);
});

it('what takes too long passes with a warning, before the API server gives up', async () => {
  const response = responseOf(await post('/validate/widget?timeout=1s', review('slow')));
  expect(response).toMatchObject({ allowed: true, warnings: [expect.stringContaining('took too long')] });
});

it('connections that say nothing keep nobody out', async () => {
  for (let i = 0; i < 60; i++) {
    const socket = connect(server.port!, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
  }
  await eventually(() => sockets.filter(({ destroyed }) => destroyed).length >= 40);
  expect(responseOf(await post('/validate/widget', review('good')))).toMatchObject({ allowed: true });
});

it('a stop answers what it has been asked', async () => {
  const asked = post('/validate/widget', review('slow'));
  await eventually(async () => /in_flight\{webhook="\/validate\/widget"\} 1/.test(await registry.metrics()));
  await server.stop(5_000);
  expect(responseOf(await asked)).toMatchObject({ allowed: true });
});
