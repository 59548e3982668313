import { rm } from 'node:fs/promises';
import { freePort } from '../processes/free-port.ts';
import { startProcess, temporaryFolder, type ChildHandle } from '../processes/process.ts';

export interface RedisOptions {
  /** More arguments for redis-server, such as `['--appendonly', 'yes']`; nothing is persisted without. */
  args?: string[];
  password?: string;
  port?: number;
  /** The server's program; default redis-server. See `valkeyServer`. */
  program?: string;
  /** Where it listens, instead of on loopback: pods reach it there, and this machine too. Give it a password. */
  network?: RedisNetwork;
}

/** A network of this machine with an address of its own. */
export interface RedisNetwork {
  address: string;
  /** Put before a command, it runs that in the network; it must exec, so that the process is the server's. */
  enter: readonly string[];
}

/** A redis-server, on loopback unless it was told otherwise, that dies with this process. */
export interface RedisServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** With the password, if there is one. */
  readonly url: string;
  readonly password: string | undefined;
  /** Changes with every start. */
  readonly pid: number;
  /** What the server printed since its last start. */
  readonly lines: readonly string[];
  /** SIGTERM, then removes its data. */
  stop(): Promise<void>;
  /** SIGKILL: a crash. The data folder stays for `restart`. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data folder, stopping it first if it runs. */
  restart(): Promise<void>;
}

const ATTEMPTS = 5;

/** Starts a real redis-server on a free port and waits until it accepts connections. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const folder = temporaryFolder('redis');
  const { password, network } = options;
  const host = network?.address ?? '127.0.0.1';
  let port = options.port ?? (await freePort());
  let server = launch();
  for (let attempt = 1; ; attempt++) {
    try {
      await accepting(server);
      break;
    } catch (error) {
      const clash = server.lines.some((line) => /Address already in use/.test(line));
      if (!clash || options.port !== undefined || attempt === ATTEMPTS) throw error;
      port = await freePort();
      server = launch();
    }
  }

  function launch(): ChildHandle {
    const secured = password === undefined ? [] : ['--requirepass', password];
    const quiet = ['--save', '', '--appendonly', 'no', '--daemonize', 'no'];
    const place = ['--bind', host, '--port', String(port), '--dir', folder];
    const command = [...(network?.enter ?? []), options.program ?? 'redis-server'];
    const [program = '', ...first] = command;
    return startProcess(program, [...first, ...place, ...quiet, ...secured, ...(options.args ?? [])]);
  }

  const stop = async (): Promise<void> => {
    await server.stop('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  return {
    host,
    port,
    password,
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${host}:${port}`,
    get pid() {
      return server.pid;
    },
    get lines() {
      return server.lines;
    },
    stop,
    kill9: async () => void (await server.stop('SIGKILL')),
    restart: async () => {
      await server.stop('SIGTERM');
      server = launch();
      await accepting(server);
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function accepting(server: ChildHandle): Promise<void> {
  try {
    await server.waitForLine(/Ready to accept connections/);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `redis-server did not start; where it is missing, tools/toolchain/system-packages.sh test installs it: ${why}`,
      { cause: error },
    );
  }
}
