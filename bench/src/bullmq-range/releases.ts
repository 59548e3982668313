type Version = readonly [major: number, minor: number, patch: number];

/** The newest release of each of the `count` newest minor versions of a major one; the newest first. Pure. */
export function newestMinors(releases: readonly string[], major: number, count: number): string[] {
  const newest = new Map<number, Version>();
  for (const release of releases) {
    const version = parse(release);
    if (!version || version[0] !== major) continue;
    const known = newest.get(version[1]);
    if (!known || known[2] < version[2]) newest.set(version[1], version);
  }
  const versions = [...newest.values()].toSorted((a, b) => b[1] - a[1]);
  return versions.slice(0, count).map((version) => version.join('.'));
}

/** Whether a release is within a range such as `^5.81.5 || ^6.7.0`. Pure. */
export function isWithin(release: string, range: string): boolean {
  const [major, minor, patch] = parse(release)!;
  return range.split('||').some((part) => {
    const floor = parse(part.trim().replace('^', ''));
    if (!floor || !part.trim().startsWith('^')) throw new Error(`a range that this cannot read: ${range}`);
    return major === floor[0] && (minor > floor[1] || (minor === floor[1] && patch >= floor[2]));
  });
}

/** @returns undefined for a pre-release */
function parse(release: string): Version | undefined {
  const [, ...numbers] = /^(\d+)\.(\d+)\.(\d+)$/.exec(release) ?? [];
  return numbers.length === 3 ? (numbers.map(Number) as [number, number, number]) : undefined;
}
