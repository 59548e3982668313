import type { Socket } from 'node:net';
import { StandaloneConnector } from 'ioredis/built/connectors/index.js';

/**
 * Has an error that nobody waits for any more end its connection and nothing else. Under TLS 1.3, the refusal of a
 * client's certificate comes after the handshake; what is written to the socket while it closes is a second error, which
 * ioredis no longer hears, and which would end this process, which serves every tenant.
 */
export function hearErrors<S extends Socket>(stream: S): S {
  return stream.on('error', () => {});
}

/** Connects to one server; used by whoever duplicates the connection too. */
export class SteadyConnector extends StandaloneConnector {
  constructor(options: unknown) {
    super(options as ConstructorParameters<typeof StandaloneConnector>[0]);
  }

  override async connect(...args: Parameters<StandaloneConnector['connect']>): Promise<Socket> {
    return hearErrors(await super.connect(...args));
  }
}
