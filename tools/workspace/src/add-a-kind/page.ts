/** A file that a page asks its reader to write. */
export interface PageFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly text: string;
}

/** A change of a file that exists: consecutive lines, and what stands in their place afterwards. */
export interface PageChange {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

export interface FollowedPage {
  readonly files: readonly PageFile[];
  readonly changes: readonly PageChange[];
}

/** What a page's fenced code asks for: blocks with `file=PATH` are files, hunks of `diff` blocks are changes. Pure. */
export function readPage(markdown: string): FollowedPage {
  const blocks = [...markdown.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map(
    ([, language, info = '', text]) => ({
      language,
      path: /\bfile=(\S+)/.exec(info)?.[1],
      text: text ?? '',
    }),
  );
  return {
    files: blocks.flatMap(({ path, text }) => (path === undefined ? [] : [{ path, text }])),
    changes: blocks.filter(({ language }) => language === 'diff').flatMap(({ text }) => hunksOf(text)),
  };
}

/** Hunks without line numbers: the lines that they begin from are searched for. */
function hunksOf(diff: string): PageChange[] {
  return diff.split(/^--- .*$\n/m).flatMap((part) => {
    const path = /^\+\+\+ b\/(\S+)$/m.exec(part)?.[1];
    if (path === undefined) return [];
    const hunks = part.split(/^@@.*$\n/m).slice(1);
    return hunks.map((hunk) => ({ path, before: side(hunk, /^[ -]/), after: side(hunk, /^[ +]/) }));
  });
}

/** One side of a hunk: the lines with these marks, without them. */
function side(hunk: string, marks: RegExp): string {
  return hunk
    .split('\n')
    .filter((line) => marks.test(line))
    .map((line) => line.slice(1))
    .join('\n');
}

/** @throws when the lines to change are not there exactly once: the page is stale */
export function applyChange(text: string, { path, before, after }: PageChange): string {
  const parts = text.split(before);
  if (parts.length !== 2) throw new Error(`${path}: these lines are there ${parts.length - 1} times:\n${before}`);
  return parts.join(after);
}

/** Lines of a file that are neither empty nor a comment alone. */
export function linesOfCode(text: string): number {
  return text.split('\n').filter((line) => !/^\s*($|#|\/\/|\/?\*)/.test(line)).length;
}
