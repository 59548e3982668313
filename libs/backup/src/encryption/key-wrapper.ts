/** Wraps the data key of a backup, so that only who has the wrapping key opens it. */
export interface KeyWrapper {
  /** Of the key that wraps; stands in the manifest. Tells nothing of the key itself. */
  readonly id: string;
  /** @param context what the wrapped key is bound to: it opens with the same context only. */
  wrap(dataKey: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /**
   * @param keyId the id of the key that wrapped, by the manifest.
   * @throws {BackupKeyError} when that key is not at hand, or does not open it.
   */
  unwrap(wrapped: Uint8Array, context: Readonly<Record<string, string>>, keyId: string): Promise<Uint8Array>;
}
