import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { freePort, startRedis, startSilentServer, type RedisServer } from '@redis-queue/rig';

/** A tenant's Redis that does harm: the texts of the Secret that leads to it, and the prefix of its queues. */
export interface HostileRedis {
  readonly kind: string;
  readonly secret: Readonly<Record<string, string>>;
}

const at = (port: number): Record<string, string> => ({ 'redis-host': '127.0.0.1', 'redis-port': String(port) });
const DRIP_MS = 500;
const HUGE_BYTES = 500_000_000;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

/**
 * The eight that the bench measures beside, each on a port of its own; they end with `stack`. `queues` are the names in
 * which the seventh stores what no BullMQ would.
 */
export async function startHostileServers(
  stack: AsyncDisposableStack,
  queues: readonly string[],
): Promise<HostileRedis[]> {
  const silent = stack.use(await startSilentServer());
  const real = stack.use(await startRedis());
  const garbled = stack.use(await startRedis());
  await garble(garbled, queues);
  const reader = await userWithoutKeys(real);
  return [
    { kind: 'cluster down', secret: { ...at(await freePort()), 'redis-cluster': 'true' } },
    { kind: 'single down', secret: at(await freePort()) },
    { kind: 'half-open', secret: at(silent.port) },
    { kind: 'slow to the byte', secret: at(await serve(stack, dripFrom(real.port))) },
    { kind: 'garbage', secret: at(await serve(stack, answerGarbage)) },
    { kind: '500 MB reply', secret: at(await serve(stack, answerHuge)) },
    { kind: 'wrong types and ids', secret: at(garbled.port) },
    { kind: 'keys without right', secret: { ...at(real.port), ...reader } },
  ];
}

async function serve(stack: AsyncDisposableStack, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What a real Redis answers, one byte at a time. */
function dripFrom(port: number): (socket: Socket) => void {
  return (socket) => {
    const upstream = connect(port, '127.0.0.1').on('error', () => socket.destroy());
    let left: Buffer[] = [];
    const drip = setInterval(() => {
      const [first] = left;
      if (!first) return;
      socket.write(first.subarray(0, 1));
      left = first.length > 1 ? [first.subarray(1), ...left.slice(1)] : left.slice(1);
    }, DRIP_MS);
    upstream.on('data', (data) => left.push(data));
    socket.on('data', (data) => upstream.write(data));
    socket.on('close', () => {
      clearInterval(drip);
      upstream.destroy();
    });
  };
}

function answerGarbage(socket: Socket): void {
  socket.on('data', () =>
    socket.write(Buffer.from([0x3a, 0x61, 0x0d, 0x0a, 0xff, 0x00, 0x24, 0x2d, 0x39, 0x0d, 0x0a])),
  );
}

/** Announces half a gigabyte and sends it as fast as it is taken. */
function answerHuge(socket: Socket): void {
  socket.once('data', () => {
    socket.write(`$${HUGE_BYTES}\r\n`);
    let leftBytes = HUGE_BYTES;
    const send = (): void => {
      while (leftBytes > 0 && !socket.destroyed) {
        leftBytes -= CHUNK.length;
        if (!socket.write(CHUNK)) return void socket.once('drain', send);
      }
    };
    send();
  });
}

/** Keys of other types than BullMQ's, ids of 100 kB, and texts where numbers belong. */
async function garble(server: RedisServer, queues: readonly string[]): Promise<void> {
  const redis = new Redis(server.url);
  const long = 'x'.repeat(100_000);
  for (const [index, name] of queues.entries()) {
    const key = (suffix: string): string => `bull:${name}:${suffix}`;
    await redis.hset(key('meta'), { 'opts.maxLenEvents': 'x', max: 'abc', duration: long, concurrency: '-' });
    if (index % 2 === 0) await redis.set(key('wait'), 'no list');
    else await redis.lpush(key('wait'), long, '__proto__', '');
    await redis.zadd(key('completed'), 1, 'constructor', Date.now(), long);
    await redis.hset(key('constructor'), { processedOn: 'abc', finishedOn: long, timestamp: '' });
    await redis.set(key('delayed'), 'no set');
  }
  redis.disconnect();
}

/** @returns the credentials of a user who may run commands, but on no key. */
async function userWithoutKeys(server: RedisServer): Promise<Record<string, string>> {
  const redis = new Redis(server.url);
  await redis.call('ACL', 'SETUSER', 'keyless', 'on', '>secret', '+@all', 'resetkeys');
  redis.disconnect();
  return { 'redis-username': 'keyless', 'redis-password': 'secret' };
}
