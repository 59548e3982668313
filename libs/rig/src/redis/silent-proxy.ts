import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * A TCP way to a server that can fall silent without closing, as when the server's node dies or a firewall drops the
 * flow.
 */
export interface SilentProxy extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** How many of its connections are open, and silent. */
  readonly silent: number;
  /** From now on nothing passes over the open connections; they are not closed. New ones work. */
  silenceConnections(): void;
  /** Whether connections that are opened from now on are silent from their first byte, for as long as they last. */
  silenceNewConnections(silent: boolean): void;
  stop(): Promise<void>;
}

/** A server that takes every connection and never says a word. */
export async function startSilentServer(): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).resume());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

/** @param target port on 127.0.0.1 */
export async function startSilentProxy(target: number): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  const silenced = new Set<Socket>();
  let newIsSilent = false;
  const server = createServer((client) => {
    client.on('close', () => silenced.delete(client));
    if (newIsSilent) {
      silenced.add(client.on('error', () => {}).resume());
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port: target });
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (data) => void (sockets.has(client) && upstream.write(data)));
    upstream.on('data', (data) => void (sockets.has(client) && client.write(data)));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => void (sockets.has(client) && client.destroy()));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const stop = async (): Promise<void> => {
    for (const socket of [...sockets, ...silenced]) socket.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get silent() {
      return silenced.size;
    },
    silenceConnections: () => {
      for (const socket of sockets) silenced.add(socket);
      sockets.clear();
    },
    silenceNewConnections: (silent) => void (newIsSilent = silent),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
