import { ObjectNotFoundError, type Storage } from '../storage/storage.ts';
import { collect } from './collect.fixture.ts';

/** A storage in memory, whose objects a test may change. */
export class MemoryStorage implements Storage {
  readonly location = 'memory';
  readonly objects: Map<string, Buffer>;
  /** Is awaited before an object is stored. */
  beforePut: (path: string, signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  constructor(objects: Iterable<[string, Buffer]> = []) {
    this.objects = new Map(objects);
  }

  /** Another one with the same objects. */
  copy(): MemoryStorage {
    return new MemoryStorage(this.objects);
  }

  /** One object, which has to be there. */
  object(path: string): Buffer {
    return this.objects.get(path)!;
  }

  async put(path: string, body: AsyncIterable<Uint8Array>, { signal }: { signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted();
    await this.beforePut(path, signal);
    signal.throwIfAborted();
    this.objects.set(path, Buffer.concat(await collect(body)));
  }

  async *get(path: string, { signal }: { signal: AbortSignal }): AsyncGenerator<Uint8Array> {
    const object = this.objects.get(path);
    if (!object) throw new ObjectNotFoundError(path, this.location);
    for (let from = 0; from < object.length; from += 1_000) {
      signal.throwIfAborted();
      yield object.subarray(from, from + 1_000);
    }
  }

  async *list(prefix: string, { signal }: { signal: AbortSignal }): AsyncGenerator<{ path: string; bytes: number }> {
    for (const [path, { length }] of this.objects) {
      signal.throwIfAborted();
      if (path.startsWith(prefix)) yield { path, bytes: length };
    }
  }

  async remove(path: string): Promise<void> {
    this.objects.delete(path);
  }

  close(): void {
    // holds nothing
  }
}
