import type { Storage } from '../storage/storage.ts';

/**
 * A whole object of a storage, as far as `limitBytes`: of a longer one, one byte more than that, so that who knows the
 * size sees that it differs. No more is read or held, whatever lies there.
 */
export async function readObject(
  storage: Storage,
  path: string,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of storage.get(path, { signal })) {
    chunks.push(chunk.subarray(0, limitBytes + 1 - bytes));
    bytes += chunk.length;
    if (bytes > limitBytes) break;
  }
  return Buffer.concat(chunks);
}
