import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { workspaceRoot } from '@redis-queue/rig';
import { packageCharts } from './charts.ts';
import { checksums, filesIn } from './checksums.ts';
import { platform, writeImages } from './images.ts';
import { readLockfile } from './lockfile.ts';
import { releaseNotes } from './notes.ts';
import { writeBoms } from './boms.ts';
import { readSource, type Source } from './source.ts';
import { disagreements, namedVersions } from './version.ts';
import { packWorker } from './worker-package.ts';

const HELP = `make release: all that a release consists of, into dist/, offline; pushes nothing.

  images/  the controllers as OCI archives        charts/  Helm packages
  npm/     the worker library                     sbom/    CycloneDX, one for each image and the library
  RELEASE_NOTES.md                                SHA256SUMS

The same commit gives the same bytes: every time in it is SOURCE_DATE_EPOCH, by default the commit's.

  --base REFERENCE   pull this base for the images, by digest; default: one made of this machine's Node
  --tag TAG          fail unless the tag is that of the version in package.json
  --help             this text
`;

const print = (line: string): void => console.error(line);

async function release(source: Source, base: string | undefined): Promise<void> {
  const dist = join(source.workspaceRoot, 'dist');
  const scratch = mkdtempSync(join(tmpdir(), 'redis-queue-release-'));
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  try {
    print('▶ charts');
    packageCharts(source, join(dist, 'charts'), scratch);
    print('▶ worker library');
    packWorker(source, join(dist, 'npm'), scratch);
    const images = await writeImages(source, join(dist, 'images'), scratch, base, print);
    print('▶ SBOMs, notes, checksums');
    writeBoms(source, readLockfile(source.workspaceRoot), images, join(dist, 'sbom'));
    const changelog = readFileSync(join(source.workspaceRoot, 'CHANGELOG.md'), 'utf8');
    const facts = { ...source, base: images.base.description, platform: platform(), files: filesIn(dist) };
    writeFileSync(join(dist, 'RELEASE_NOTES.md'), releaseNotes(changelog, facts));
    const sums = checksums(dist, filesIn(dist));
    writeFileSync(join(dist, 'SHA256SUMS'), sums);
    console.log(sums.trimEnd());
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: { base: { type: 'string' }, tag: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help) {
  console.log(HELP);
} else {
  try {
    // Modes of files go into archives and images.
    process.umask(0o022);
    const source = readSource(workspaceRoot);
    const wrong = disagreements(source.version, namedVersions(workspaceRoot), values.tag);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    if (values.base !== undefined && !/@sha256:[0-9a-f]{64}$/.test(values.base)) {
      throw new Error(`--base ${values.base}: name it by digest (…@sha256:…), since a tag can move`);
    }
    if (source.dirty) print('! the work tree has changes that are not committed: this is not what the commit gives');
    await release(source, values.base);
  } catch (error) {
    console.error(`✘ ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
