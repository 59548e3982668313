/** What the notes say beside the changelog's section. */
export interface ReleaseFacts {
  version: string;
  /** Full hash, and whether the tree differed from it. */
  commit: string;
  dirty: boolean;
  /** What the images stand on, in words. */
  base: string;
  /** Such as `linux/amd64`. */
  platform: string;
  /** Paths in `dist/`. */
  files: readonly string[];
}

const HEADING = /^## \[?([^\]\s]+)\]?/;

/**
 * The section of a version in a changelog of the form "Keep a Changelog", without its heading and without link
 * references; the section "Unreleased" where the version has none yet.
 *
 * @throws when there is neither, or when it says nothing.
 */
export function changelogSection(changelog: string, version: string): { heading: string; text: string } {
  const lines = changelog.split('\n');
  const headings = lines.flatMap((line, at) => {
    const [, name] = HEADING.exec(line) ?? [];
    return name === undefined ? [] : [{ name, at }];
  });
  const found =
    headings.find(({ name }) => name === version) ?? headings.find(({ name }) => name.toLowerCase() === 'unreleased');
  if (!found) throw new Error(`CHANGELOG.md has a section neither for ${version} nor for "Unreleased"`);
  const next = headings.find(({ at }) => at > found.at)?.at ?? lines.length;
  const text = lines
    .slice(found.at + 1, next)
    .filter((line) => !/^\[[^\]]+\]: \S+$/.test(line))
    .join('\n')
    .trim();
  if (text === '') throw new Error(`the section "${found.name}" of CHANGELOG.md is empty`);
  return { heading: found.name, text };
}

/** The text of RELEASE_NOTES.md. Pure, and without a date of its own: two builds of one commit write the same. */
export function releaseNotes(changelog: string, facts: ReleaseFacts): string {
  const { version, commit, dirty, base, platform, files } = facts;
  const { heading, text } = changelogSection(changelog, version);
  const unreleased = heading === version ? '' : `\n> Not released: the section "${heading}" of the changelog.\n`;
  const changed = dirty ? ', with changes that are not committed' : '';
  return `# redis-queue ${version}
${unreleased}
${text}

## Files

Built by \`make release\` from commit ${commit}${changed}.
The same commit gives the same bytes on a machine with the same Node, npm, buildah, Helm and system libraries;
\`sha256sum -c SHA256SUMS\` compares.

Images are OCI archives for ${platform}.
They stand on ${base}.

${files.map((file) => `- \`${file}\``).join('\n')}
`;
}
