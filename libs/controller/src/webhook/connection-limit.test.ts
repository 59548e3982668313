import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { ConnectionLimit } from './connection-limit.ts';

class Connection extends EventEmitter {
  readonly remoteAddress = '10.0.0.1';
  readonly remotePort: number;
  isOpen = true;

  constructor(port: number) {
    super();
    this.remotePort = port;
  }

  destroy(): void {
    this.isOpen = false;
    this.emit('close');
  }
}

it('a new connection takes the place of the one that has been silent for longest, never of one that is answered', () => {
  const limit = new ConnectionLimit(3);
  const connections = [1, 2, 3, 4, 5].map((port) => new Connection(port));
  const [first, second, third, fourth, fifth] = connections as unknown as (Socket & Connection)[];
  for (const connection of [first, second, third]) limit.opened(connection!);
  limit.busy(first!);
  // By another object for the same connection, as the TLS inside it is.
  limit.busy(new Connection(2) as unknown as Socket);
  limit.idle(second!);
  limit.opened(fourth!);
  expect(connections.map(({ isOpen }) => isOpen)).toEqual([true, true, false, true, true]);
  limit.opened(fifth!);
  expect(connections.map(({ isOpen }) => isOpen)).toEqual([true, false, false, true, true]);
});
