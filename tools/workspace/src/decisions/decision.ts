/** A page of `docs/decisions/`, as its head and its heading say. */
export interface Decision {
  /** File name, such as `0096-thousands-of-pools.md`. */
  file: string;
  /** Four digits, such as `0096`. */
  number: string;
  title: string;
  /** The day on which it was taken, such as `2026-11-21`. */
  date: string;
  status: { kind: 'accepted' } | { kind: 'superseded'; by: string };
  replaces: Replacement[];
}

export interface Replacement {
  number: string;
  /** Which part of that decision no longer holds; absent: none of it does. */
  part?: string;
}

const HEAD = /^---\n([\s\S]*?)\n---\n\n# (\d+)\. (.+)\n/;

/**
 * Reads one page.
 *
 * @throws Error with the file, what is wrong and what a right head looks like.
 */
export function readDecision(file: string, text: string): Decision {
  const wrong = (what: string): Error =>
    new Error(`docs/decisions/${file}: ${what}; docs/decisions/0000-template.md shows what a page begins with`);
  const number = /^(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1];
  if (!number) throw wrong('the name is not four digits and words in lower case, with hyphens');
  const [, yaml, heading, title] = HEAD.exec(text) ?? [];
  if (yaml === undefined || title === undefined) throw wrong('it does not begin with a head and "# NUMBER. TITLE"');
  if (Number(heading) !== Number(number)) throw wrong(`the heading says ${heading}, the name ${number}`);
  const head = readHead(yaml);
  if (typeof head === 'string') throw wrong(`the head has "${head}", which is not a known field`);
  const { date, status, replaces } = head;
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || Number.isNaN(Date.parse(date))) throw wrong(`"date: ${date}" is not a day`);
  const by = /^Superseded by (\d{4})$/.exec(status)?.[1];
  if (by === undefined && status !== 'Accepted')
    throw wrong(`"status: ${status}" is neither Accepted nor Superseded by NNNN`);
  return {
    file,
    number,
    title,
    date,
    status: by === undefined ? { kind: 'accepted' } : { kind: 'superseded', by },
    replaces: replaces.map((entry) => {
      const [, replaced, part] = /^(\d{4})(?:: (.+))?$/.exec(entry) ?? [];
      if (!replaced) throw wrong(`"replaces" has '${entry}', which is neither 'NNNN' nor 'NNNN: which part'`);
      return { number: replaced, ...(part !== undefined && { part }) };
    }),
  };
}

interface Head {
  date: string;
  status: string;
  replaces: string[];
}

/** The three fields of a head, `replaces` with an entry on each line, in quotes; or the first line that is none. */
function readHead(text: string): Head | string {
  const head: Head = { date: '', status: '', replaces: [] };
  for (const line of text.split('\n')) {
    const [, key, value] = /^(date|status): (.+)$/.exec(line) ?? [];
    const entry = /^ {2}- (['"])(.+)\1$/.exec(line)?.[2];
    if (key === 'date' || key === 'status') head[key] = value!;
    else if (entry !== undefined) head.replaces.push(entry);
    else if (line !== 'replaces:') return line;
  }
  return head;
}

/** Where pages do not agree about what replaced what, as sentences a developer can act on. */
export function disagreements(decisions: Decision[]): string[] {
  const byNumber = Map.groupBy(decisions, ({ number }) => number);
  const twice = [...byNumber.values()]
    .filter((pages) => pages.length > 1)
    .map(
      (pages) => `docs/decisions/: ${pages.map(({ file }) => file).join(' and ')} have one number; renumber the later`,
    );
  const wholly = (later: Decision, number: string): boolean =>
    later.replaces.some((each) => each.number === number && each.part === undefined);
  const oneSided = decisions.flatMap((decision) => {
    const { file, number, status } = decision;
    const dangling = decision.replaces
      .filter((each) => !byNumber.has(each.number))
      .map((each) => `docs/decisions/${file}: replaces ${each.number}, which does not exist`);
    const by = status.kind === 'superseded' ? byNumber.get(status.by)?.[0] : undefined;
    if (status.kind === 'superseded' && !(by && wholly(by, number))) {
      dangling.push(
        `docs/decisions/${file}: superseded by ${status.by}, which does not say that it replaces '${number}'`,
      );
    }
    const later = decisions.find((each) => wholly(each, number));
    if (later && status.kind === 'accepted') {
      dangling.push(`docs/decisions/${file}: ${later.file} replaces it; say "status: Superseded by ${later.number}"`);
    }
    return dangling;
  });
  return [...twice, ...oneSided];
}
