import { createServer } from 'node:net';
import { threadId } from 'node:worker_threads';

/**
 * Ports that Linux gives to no outgoing connection unless told otherwise (`ip_local_port_range`), and Kubernetes to no
 * NodePort. Each process, and each thread, begins with others, so that tests side by side hardly ever take each other's
 * between asking for one and listening on it.
 */
const FIRST = 15_000;
const PER_PROCESS = 100;
const PROCESSES = 150;

const block = (process.pid + threadId) % PROCESSES;
/** At random, for processes that share a block. */
let asked = Math.floor(Math.random() * PER_PROCESS);

/**
 * A port of 127.0.0.1 that nobody listens on now. The same one comes again after a hundred others at the earliest. A
 * process of another kind may take it first, so callers try again.
 *
 * @throws when none of a hundred is free.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PER_PROCESS; tried++) {
    const port = FIRST + block * PER_PROCESS + (asked++ % PER_PROCESS);
    // oxlint-disable-next-line no-await-in-loop -- the next one only where this one is taken
    if (await isFree(port)) return port;
  }
  throw new Error(
    `no port of 127.0.0.1 is free between ${FIRST + block * PER_PROCESS} and the ${PER_PROCESS}th after it`,
  );
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
