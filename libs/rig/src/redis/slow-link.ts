import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** How often a slow link lets something pass. */
const EVERY_MS = 20;

/** A TCP way to a server whose answers arrive at so many bytes per second and connection. */
export async function startSlowLink(
  target: number,
  bytesPerSecond: number,
): Promise<AsyncDisposable & { readonly host: '127.0.0.1'; readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target });
    let owed = Buffer.alloc(0);
    const passing = setInterval(() => {
      const most = (bytesPerSecond * EVERY_MS) / 1_000;
      if (owed.length > 0) client.write(owed.subarray(0, most));
      owed = owed.subarray(most);
    }, EVERY_MS);
    for (const socket of [client, upstream]) {
      sockets.add(socket.on('error', () => {}));
      socket.on('close', () => {
        clearInterval(passing);
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (data) => (owed = Buffer.concat([owed, data])));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
