import type { Part } from './parts.ts';

/** Parts that are under way at once. */
const IN_FLIGHT = 2;

/** What a multipart upload is made of. Each call has its own deadline and its own tries. */
export interface MultipartCalls<Sent> {
  create(): Promise<string>;
  send(uploadId: string, number: number, data: Buffer, signal: AbortSignal): Promise<Sent>;
  /** @param sent in the order of the parts. */
  complete(uploadId: string, sent: readonly Sent[]): Promise<void>;
  /** Removes what was sent. Never fails: what cannot be removed is for a lifecycle rule of the bucket. */
  abort(uploadId: string): Promise<void>;
}

/**
 * Sends parts as one object, which is there when all is well, and never in part. At most two parts are under way, and
 * the source is asked for the next one meanwhile.
 */
export async function uploadInParts<Sent>(
  parts: AsyncIterable<Part>,
  signal: AbortSignal,
  calls: MultipartCalls<Sent>,
): Promise<void> {
  const uploadId = await calls.create();
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const sent: Sent[] = [];
  const underWay = new Set<Promise<void>>();
  const begin = (number: number, data: Buffer): void => {
    const sending = calls
      .send(uploadId, number, data, either)
      .then((part) => void (sent[number - 1] = part))
      .catch((error: unknown) => failed.abort(error))
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
  };
  try {
    let number = 0;
    for await (const { data } of parts) {
      while (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
      failed.signal.throwIfAborted();
      begin((number += 1), data);
    }
    await Promise.all(underWay);
    failed.signal.throwIfAborted();
    await calls.complete(uploadId, sent);
  } catch (error) {
    failed.abort(error);
    // A part that arrives after the end of its upload would stay.
    await Promise.all(underWay);
    await calls.abort(uploadId);
    throw error;
  }
}
