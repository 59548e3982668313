import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * A TCP way to a server that can fall silent without closing, as when the server's node dies or a firewall drops the
 * flow.
 */
export interface SilentProxy extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** From now on nothing passes over the open connections; they are not closed. New ones work. */
  silenceConnections(): void;
  stop(): Promise<void>;
}

/** @param target port on 127.0.0.1 */
export async function startSilentProxy(target: number): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
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
  const silenced = new Set<Socket>();
  const stop = async (): Promise<void> => {
    for (const socket of [...sockets, ...silenced]) socket.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    silenceConnections: () => {
      for (const socket of sockets) silenced.add(socket);
      sockets.clear();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
