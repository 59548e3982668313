import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { StorageError } from './storage.ts';

// AWS' SDK parses answers in one go and holds some thirty times their size meanwhile, and anybody may have named the
// server. So an answer is held here first, and handed to the SDK only when that costs little.

/** Names that are asked for per page of a list. */
export const NAMES_PER_PAGE = 250;
/** Room for a page: a name has 1,024 bytes at most, more where it is escaped, and some 400 stand beside it. */
const LONGEST_PAGE_BYTES = 512 * 1_024;
/** Of every other answer, and of an error's: a few names and a sentence. */
const LONGEST_ANSWER_BYTES = 16 * 1_024;
/** No S3 service sends one. For each one the SDK goes over the whole text once. */
const DOCTYPE = /<!doctype/i;

interface RawResponse {
  readonly statusCode: number;
  body?: Readable;
}

/** Refuses answers that would cost much to parse. The body of an object is not parsed: its reader bounds it. */
export function limitAnswers(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (request) => {
        const result = await next(request);
        const response = result.response as RawResponse;
        const isGood = response.statusCode < 300;
        if (!response.body || (commandName === 'GetObjectCommand' && isGood)) return result;
        const isPage = commandName === 'ListObjectsV2Command' && isGood;
        response.body = await checkedAnswer(response.body, isPage ? LONGEST_PAGE_BYTES : LONGEST_ANSWER_BYTES);
        return result;
      },
    { step: 'deserialize', priority: 'low', name: 'limitAnswers' },
  );
}

async function checkedAnswer(body: Readable, longestBytes: number): Promise<Readable> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // To leave the loop destroys the body, and with it the connection.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > longestBytes) throw refused(`is longer than ${longestBytes / 1_024} KiB`);
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks);
  if (DOCTYPE.test(whole.toString('latin1'))) throw refused('has a document type, as no answer of S3 has');
  return Readable.from([whole], { objectMode: false });
}

function refused(why: string): StorageError {
  return new StorageError('StorageFailed', `the server's answer ${why}; check the endpoint`, { retryable: false });
}
