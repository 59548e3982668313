import { openStorage } from './open-storage.ts';
import { bodyOf, failureOf } from './bodies.fixture.ts';

// Puts an object at the endpoint that is its argument, and prints why that failed. A process of its own, because what a
// name leads to is the system's to say.
const [endpoint = ''] = process.argv.slice(2);
const keys = { 'access-key-id': 'a', 'secret-access-key': 'b' };
const storage = await openStorage({ s3: { bucket: 'backups', endpoint } }, keys, { giveUpMs: 0 });
const failure = await failureOf(storage.put('a', bodyOf(1), new AbortController()));
process.stdout.write(`${JSON.stringify({ ...(failure as object), message: String(failure) })}\n`);
storage.close();
