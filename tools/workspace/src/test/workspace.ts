import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isLeaf, projectsThatRead, type Manifest, type ProjectFolder } from './affected.ts';
import type { TestFile } from './named.ts';
import type { Changed } from './steps.ts';

/** Git's and Nx's view of the workspace, as far as `make test` asks for it. */
export class Workspace {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Roots of the projects, such as `libs/api`, by the packages that Git knows. */
  projectRoots(): string[] {
    return this.#files('*/package.json').map((file) => dirname(file));
  }

  /** Paths of everything in TypeScript. */
  sources(): string[] {
    return this.#files('*.ts');
  }

  testFiles(): TestFile[] {
    return this.#files('*.test.ts').map((path) => ({ path, text: readFileSync(join(this.#root, path), 'utf8') }));
  }

  /**
   * What changed since the branch left `base`, uncommitted and new files included. Without a base: since it left main;
   * on main itself, since what the remote has, or what is not committed where there is no remote.
   *
   * @throws Error with Git's words when there is no such ref.
   */
  changed(base = this.#defaultBase()): Changed {
    const since = this.#run('git', 'merge-base', 'HEAD', base).trim();
    const files = [
      ...paths(this.#run('git', 'diff', '--name-only', '--no-renames', '-z', since)),
      ...paths(this.#run('git', 'ls-files', '-z', '--others', '--exclude-standard')),
    ];
    const projects = this.projectRoots().map((root): ProjectFolder => ({ root, manifest: this.#manifest(root) }));
    const readers = files.filter(isLeaf).flatMap((file) => projectsThatRead(file, projects));
    const scripts = new Map(projects.map(({ manifest }) => [manifest.name, manifest.scripts ?? {}]));
    return {
      // Deleted ones are not there to be formatted, and Prettier refuses links that are named to it.
      files: files.filter((file) => lstatSync(join(this.#root, file), { throwIfNoEntry: false })?.isFile()),
      projects: [...new Set([...this.#dependents(files.filter((file) => !isLeaf(file))), ...readers])].toSorted(),
      hasTarget: (project, target) => scripts.get(project)?.[target] !== undefined,
    };
  }

  /** The projects that Nx says depend on files, the ones in which they lie included. */
  #dependents(files: string[]): string[] {
    if (files.length === 0) return [];
    return JSON.parse(
      this.#run('npx', 'nx', 'show', 'projects', '--affected', `--files=${files.join(',')}`, '--json'),
    ) as string[];
  }

  #defaultBase(): string {
    const branch = this.#run('git', 'branch', '--show-current').trim();
    const candidates = branch === 'main' ? ['origin/main'] : ['main', 'origin/main'];
    const known = this.#run('git', 'for-each-ref', '--format=%(refname:short)', 'refs/heads', 'refs/remotes').split(
      '\n',
    );
    return candidates.find((ref) => known.includes(ref)) ?? 'HEAD';
  }

  #manifest(root: string): Manifest {
    return JSON.parse(readFileSync(join(this.#root, root, 'package.json'), 'utf8')) as Manifest;
  }

  #files(pattern: string): string[] {
    const listed = this.#run('git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', pattern);
    return [...new Set(paths(listed))].filter((file) => existsSync(join(this.#root, file))).toSorted();
  }

  #run(program: string, ...args: string[]): string {
    return execFileSync(program, args, {
      cwd: this.#root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, NX_DAEMON: 'false' },
    });
  }
}

function paths(listed: string): string[] {
  return listed.split('\0').filter((path) => path !== '');
}
