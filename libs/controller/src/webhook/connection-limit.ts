import type { Socket } from 'node:net';

/** The same for a connection and for the TLS inside it, which are two objects. */
type Peer = string;

const peerOf = ({ remoteAddress, remotePort }: Socket): Peer => `${remoteAddress} ${remotePort}`;

/**
 * Keeps the number of connections bounded without ever turning away a new one: whoever can reach the port may open any
 * number and say nothing, and the API server must still get in. The one that has been silent for longest goes.
 */
export class ConnectionLimit {
  readonly #max: number;
  readonly #open = new Map<Peer, Socket>();
  /** Those that wait for nothing of ours, in the order in which they fell silent. */
  readonly #silent = new Map<Peer, Socket>();

  constructor(max: number) {
    this.#max = max;
  }

  opened(socket: Socket): void {
    const peer = peerOf(socket);
    this.#open.set(peer, socket);
    this.#silent.set(peer, socket);
    socket.once('close', () => {
      this.#open.delete(peer);
      this.#silent.delete(peer);
    });
    if (this.#open.size <= this.#max) return;
    const [stalest] = this.#silent.values();
    stalest?.destroy();
  }

  /** A whole request has come over it, and is being answered. */
  busy(socket: Socket): void {
    this.#silent.delete(peerOf(socket));
  }

  idle(socket: Socket): void {
    const peer = peerOf(socket);
    const open = this.#open.get(peer);
    if (open) this.#silent.set(peer, open);
  }
}
