import { posix } from 'node:path';
import { isTest, type ImportEdge } from './imports.ts';

/** An import from within a folder of a file that lies directly in a folder around it. */
export interface UpwardImport {
  edge: ImportEdge;
  /** The folder around both, in which the imported file lies directly. */
  folder: string;
  /** The folder within it from which the import comes. */
  from: string;
}

/** Folders side by side that import each other, directly or through others. */
export interface Cycle {
  /** The folder in which they lie. */
  folder: string;
  /** Their names, sorted. */
  members: string[];
  /** Every import between them. */
  edges: ImportEdge[];
}

export interface Layering {
  upward: UpwardImport[];
  cycles: Cycle[];
}

type FileEdge = ImportEdge & { target: { path: string } };

/** Shipped to users as an entry of its package, in spite of a name that elsewhere means help for tests. */
const SHIPPED = /^libs\/worker\/src\/testing\//;

/**
 * Whether a file is a test, or there for tests only. Such files may import whatever they need: a test lies beside what
 * it tests and starts the whole app where it has to, which says nothing of how the app is layered. As targets they
 * count: a source that imports them is not for tests.
 */
export function isForTests(file: string): boolean {
  if (isTest(file)) return true;
  return (
    !SHIPPED.test(file) && /(^|\/)((testing|test-support|fixtures)\/|fixtures\.ts$|[^/]+\.fixture\.ts$)/.test(file)
  );
}

/**
 * Where the folders of a project are not layers, each depending only on those below it. A file may import from its own
 * folder, from folders within that, and from folders beside it or elsewhere in the project, as long as no two folders
 * side by side need each other. To see that, an import is taken to the deepest folder around both files, and counts as
 * one between those two of its children that they lie in. Files that lie directly in that folder are one child of it:
 * they are the top layer, which may import every folder; a folder that imports them is an upward import. Every cycle
 * through the top layer has such an import, so only the folders are searched for cycles.
 *
 * @param projectRoot such as `libs/api`; imports beyond it are the boundaries' business.
 * @param edges the imports of the project's files, tests included.
 */
export function layeringOf(projectRoot: string, edges: ImportEdge[]): Layering {
  const upward: UpwardImport[] = [];
  const between = new Map<string, Map<string, FileEdge[]>>();
  for (const edge of edges) {
    if (!('path' in edge.target) || isForTests(edge.file) || !edge.target.path.startsWith(`${projectRoot}/`)) continue;
    const { folder, from, to } = deepestCommon(edge.file, edge.target.path);
    if (from === to || from === undefined) continue;
    if (to === undefined) {
      upward.push({ edge, folder, from });
    } else {
      const arrows = between.get(folder) ?? new Map<string, FileEdge[]>();
      between.set(folder, arrows);
      const arrow = `${from}/${to}`;
      arrows.set(arrow, [...(arrows.get(arrow) ?? []), edge as FileEdge]);
    }
  }
  const cycles = [...between].flatMap(([folder, arrows]) => cyclesAmong(folder, arrows));
  return { upward, cycles };
}

/** The deepest folder around both files, and its children that they lie in; undefined where it is the folder itself. */
function deepestCommon(importer: string, imported: string): { folder: string; from?: string; to?: string } {
  const [a, b] = [posix.dirname(importer).split('/'), posix.dirname(imported).split('/')];
  let depth = 0;
  while (depth < a.length && a[depth] === b[depth]) depth += 1;
  return {
    folder: a.slice(0, depth).join('/'),
    ...(a[depth] && { from: a[depth] }),
    ...(b[depth] && { to: b[depth] }),
  };
}

function cyclesAmong(folder: string, arrows: Map<string, FileEdge[]>): Cycle[] {
  const pairs = [...arrows.keys()].map((arrow) => arrow.split('/') as [string, string]);
  const reachable = (start: string): Set<string> => {
    const seen = new Set<string>();
    const open = [start];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const [from, to] of pairs) {
        if (from !== node || seen.has(to)) continue;
        seen.add(to);
        open.push(to);
      }
    }
    return seen;
  };
  const reach = new Map([...new Set(pairs.flat())].map((node) => [node, reachable(node)]));
  const cycles: Cycle[] = [];
  for (const [node, reached] of reach) {
    if (!reached.has(node) || cycles.some(({ members }) => members.includes(node))) continue;
    const members = [...reached].filter((other) => reach.get(other)?.has(node)).toSorted();
    const edges = pairs
      .filter(([from, to]) => members.includes(from) && members.includes(to))
      .flatMap(([from, to]) => arrows.get(`${from}/${to}`)!);
    cycles.push({ folder, members, edges });
  }
  return cycles;
}

/** The offenders as sentences a developer can act on, one for each. */
export function layeringProblems({ upward, cycles }: Layering): string[] {
  return [
    ...upward.map(
      ({ edge, folder, from }) =>
        `${edge.file}:${edge.line}: import of "${edge.specifier}" goes upward, from ${folder}/${from}/ to a file ` +
        `directly in ${folder}/; move what is needed into a folder (into ${from}/ if nobody else needs it), or pass it in`,
    ),
    ...cycles.map(
      ({ folder, members, edges }) =>
        `${folder}/: ${members.join(', ')} import each other; move what both need into one of them or into a third:\n` +
        edges.map(({ file, line, specifier }) => `    ${file}:${line}: import of "${specifier}"`).join('\n'),
    ),
  ];
}

/** The closing line of the check: "0 upward imports, 0 cycles between folders in 20 packages". */
export function layeringCounts(all: Layering[]): string {
  const upwardImports = all.reduce((sum, { upward }) => sum + upward.length, 0);
  const cycles = all.reduce((sum, each) => sum + each.cycles.length, 0);
  return `${upwardImports} upward imports, ${cycles} cycles between folders in ${all.length} packages`;
}
