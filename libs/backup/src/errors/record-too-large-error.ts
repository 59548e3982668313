/** A record that no part can hold. */
export class RecordTooLargeError extends Error {
  override readonly name = 'RecordTooLargeError';
  readonly reason = 'RecordTooLarge';

  constructor(
    queue: string,
    record: { readonly kind: string; readonly id?: unknown },
    most: { readonly bytes: number; readonly values: number },
  ) {
    const id = typeof record.id === 'string' ? ` ${record.id.slice(0, 100)}` : '';
    super(
      `queue ${queue}: the record of ${record.kind}${id} has more than ${most.bytes / 1024 / 1024} MiB or ${most.values} values as JSON, ` +
        'which is the most that a backup holds of one; remove it, or make its data smaller',
    );
  }
}
