import { once } from 'node:events';
import { startHostileServers } from './hostile-servers.ts';

// A process of its own, so that what the hostile servers do is not taken from the one that measures. Its arguments are
// the names of the queues; it prints the servers as one line of JSON, and ends by SIGTERM.
await using servers = new AsyncDisposableStack();
console.log(JSON.stringify(await startHostileServers(servers, process.argv.slice(2))));
await once(process, 'SIGTERM');
