import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ask } from './ask.ts';
import { isFollowed } from './replication.ts';
import { eventually } from '../waiting/eventually.ts';
import { freePort } from '../processes/free-port.ts';
import { startProcess, temporaryFolder } from '../processes/process.ts';
import { startRedis, type RedisServer } from './redis.ts';
import { tlsLines, type ServerTls } from './server-tls.ts';

export interface RedisSentinelOptions {
  /** Of the two servers. */
  password?: string;
  /** Of the Sentinel itself. */
  sentinelPassword?: string;
  /** After how long without an answer the primary counts as gone; default 300 ms, on a busy machine better more. */
  downAfterMs?: number;
  /** Servers and Sentinel speak TLS, also to each other. */
  tls?: ServerTls;
}

/** A primary with one replica, and the Sentinel that makes the replica primary when the primary is gone. */
export interface RedisSentinel extends AsyncDisposable {
  /** What the Sentinel calls the two servers. */
  readonly masterName: 'main';
  readonly sentinel: { readonly host: '127.0.0.1'; readonly port: number };
  /** The primary at first. */
  readonly primary: RedisServer;
  readonly replica: RedisServer;
}

/**
 * Starts a real Sentinel on loopback and waits until it knows both servers. One is enough for a failover here, and it
 * is over in about two seconds: several would first have to agree, and may have to vote twice.
 */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { password, sentinelPassword, downAfterMs = 300, tls } = options;
  const auth = password === undefined ? [] : [`masterauth ${password}`];
  const stack = new AsyncDisposableStack();
  /** @returns the server, and the port by which the other servers and clients of the Sentinel reach it. */
  const startServer = async (...more: string[]): Promise<[RedisServer, number]> => {
    const tlsPort = await freePort();
    const lines = [...auth, ...more, ...(tls ? tlsLines(tls, tlsPort) : [])];
    const args = lines.flatMap((line) => `--${line}`.split(' '));
    const server = stack.use(await startRedis({ ...(password !== undefined && { password }), args }));
    return [server, tls ? tlsPort : server.port];
  };
  try {
    const [primary, primaryPort] = await startServer();
    const [replica] = await startServer(`replicaof ${primary.host} ${primaryPort}`);
    const port = await freePort();
    const folder = temporaryFolder('sentinel');
    const file = join(folder, 'sentinel.conf');
    const lines = [
      'bind 127.0.0.1',
      `dir ${folder}`,
      ...(tls ? ['port 0', ...tlsLines(tls, port)] : [`port ${port}`]),
      `sentinel monitor main ${primary.host} ${primaryPort} 1`,
      ...(password === undefined ? [] : [`sentinel auth-pass main ${password}`]),
      ...(sentinelPassword === undefined ? [] : [`requirepass ${sentinelPassword}`]),
      `sentinel down-after-milliseconds main ${downAfterMs}`,
      'sentinel failover-timeout main 3000',
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const server = startProcess('redis-server', [file, '--sentinel']);
    stack.defer(async () => void (await server.stop('SIGTERM')));
    await server.waitForLine(/\+monitor master main/);
    await server.waitForLine(/\+slave slave/, { timeoutMs: 30_000 });
    const sentinel = { host: '127.0.0.1', port } as const;
    await eventually(async () => isFollowed(await roleOf(primary, password)), {
      description: 'the replica to follow',
    });
    const owned = stack.move();
    return {
      masterName: 'main',
      sentinel,
      primary,
      replica,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function roleOf(server: RedisServer, password: string | undefined): Promise<string> {
  return ask(server, `${password === undefined ? '' : `AUTH ${password}\r\n`}INFO replication`);
}
