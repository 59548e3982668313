/** A file that a page asks its reader to write. */
export interface PageFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly text: string;
}

export interface FollowedPage {
  readonly files: readonly PageFile[];
  /** Changes of files that exist, as `git apply` takes them. */
  readonly patches: readonly string[];
}

/** What a page's fenced code asks for: blocks with `file=PATH` are files, blocks of `diff` are changes. Pure. */
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
    patches: blocks.filter(({ language }) => language === 'diff').map(({ text }) => text),
  };
}

/** Lines of a file that are neither empty nor a comment alone. */
export function linesOfCode(text: string): number {
  return text.split('\n').filter((line) => !/^\s*($|#|\/\/|\/?\*)/.test(line)).length;
}
