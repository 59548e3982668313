import { connect } from 'node:net';

/** Sends one inline command to a Redis; an error reply is an error. */
export function ask({ host, port }: { host: string; port: number }, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(`${command}\r\nQUIT\r\n`));
    let reply = '';
    socket.on('data', (chunk) => (reply += chunk.toString()));
    socket.on('close', () => (reply.startsWith('-') ? reject(new Error(`${command}: ${reply}`)) : resolve(reply)));
    socket.on('error', reject);
  });
}
