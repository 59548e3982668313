/** A backup in a format that this release does not read. */
export class BackupVersionError extends Error {
  override readonly name = 'BackupVersionError';
  readonly reason = 'UnsupportedVersion';

  constructor(part: string, version: unknown, supported: readonly number[]) {
    const shown = version === undefined ? 'none' : JSON.stringify(version).slice(0, 40);
    super(
      `${part} has the formatVersion ${shown}, and this release reads ${supported.join(' and ')}; use one that does`,
    );
  }
}
