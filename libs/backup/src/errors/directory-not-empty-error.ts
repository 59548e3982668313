/** A directory that has objects in it already. A backup is written into an empty one, so that none is overwritten. */
export class DirectoryNotEmptyError extends Error {
  override readonly name = 'DirectoryNotEmptyError';
  readonly reason = 'DirectoryNotEmpty';

  constructor(location: string, path: string) {
    super(`${location} has ${path} already; write the backup into another directory, or remove what is in this one`);
  }
}
