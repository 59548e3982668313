import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP way to a server far away: whatever is sent arrives later, in either direction. */
export interface DelayingProxy extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
}

/** @param roundTripMs what a request and its answer take longer than without the proxy, ms. */
export async function startDelayingProxy(
  server: { readonly host: string; readonly port: number },
  roundTripMs: number,
): Promise<DelayingProxy> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(server.port, server.host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from.setNoDelay(true).on('error', () => to.destroy()));
      // Equal delays keep the order.
      from.on('data', (data) => void setTimeout(() => to.writable && to.write(data), roundTripMs / 2));
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  return {
    host: '127.0.0.1',
    port: (proxy.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void proxy.close(() => resolve()));
    },
  };
}
