import dns from 'node:dns';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { isServiceName, resolveServicesTo } from './service-names.ts';

const { lookup } = dns;
afterEach(() => {
  dns.lookup = lookup;
});

it.each([
  ['redis.dev.svc', true],
  ['redis.dev.svc.cluster.local', true],
  ['redis.example.com', false],
  ['svc', false],
])('decides whether %s is a Service: %s', (name, expected) => {
  expect(isServiceName(name)).toBe(expected);
});

it('has connections to a Service go to the address', async () => {
  const server = createServer((socket) => socket.end('reached'));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  resolveServicesTo('127.0.0.1');
  const { port } = server.address() as AddressInfo;
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, 'redis.dev.svc');
    socket.on('data', (data) => resolve(data.toString()));
    socket.on('error', reject);
  });
  expect(answer).toBe('reached');
  await new Promise((resolve) => void server.close(resolve));
});
