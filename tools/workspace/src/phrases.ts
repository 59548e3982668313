import { lineAt } from './files.ts';

/** A turn of phrase that a reader stumbles over, and what English says. */
interface Phrase {
  pattern: RegExp;
  instead: string;
}

export interface PhraseHit {
  file: string;
  line: number;
  /** The words as they stand, on one line. */
  text: string;
  instead: string;
}

/** A space, or a new line with what begins a line of a comment or of a quotation. */
const GAP = String.raw`\s+(?:(?:\*|\/\/|#|>|--)\s+)*`;

const NUMERAL = either('one two three four five six eight ten twelve twenty fifty');
const MANY = String.raw`(?:\d+(?:[.,]\d+)*|${NUMERAL}|a few)`;

/** What is counted. Some of these are verbs as well; they count as nouns after a number only. */
const COUNTED = either(
  'jobs? slots? pods? queues? pools? replicas? workers? objects? rows? entry entries lines? items? strings? sections?',
  'reads? writes? calls? looks? samples? requests? commands? scripts? connections? watch(?:es)? lists? pages? starts?',
  'decisions? events? reports? arrivals? locks? fields? keys? arrays? files? bundles? charts? frames? bytes? KB KiB MiB',
  'H(?:M)?GETs? LRANGEs? PINGs?',
);
const PLURALS = either('jobs slots pods queues pools rows entries decisions arrivals bytes');
const THING = either('page limit digit watch tree list hash gauge field row connection series chart');

/** What is counted per. */
const UNIT = either(
  'pool pod queue object round job key call Redis controller name node row signal request connection app bench look',
  'namespace slot process type kind worker server batch scrape reconcile decision resource turn step tick set cluster',
  'line list field',
);
const TIME = either('second minute hour day');
/** What follows where the words mean something else: "the two calls a step needs", "two pods a minute later". */
const CLAUSE = '(?! (?:needs|ships|runs|may|can|should|must|has|had|holds|takes|reads|gets|works)\\b)';
const MOMENT = '(?! (?:after|before|later|ago|old|apart|earlier)\\b)';

const PHRASES: Phrase[] = [
  phrase(`${MANY} (?:(?!of|in|to|for)[a-z-]+ )?${COUNTED} an? ${UNIT}${CLAUSE}`, 'per'),
  phrase(`${MANY} an? ${UNIT}${CLAUSE}`, 'per'),
  phrase(`(?:a|one flat) (?:${THING}|array) an? ${UNIT}${CLAUSE}`, 'per'),
  phrase(`${PLURALS} an? ${UNIT}(?=[.,;:)]| at once)`, 'per'),
  phrase(
    `(?:${String.raw`[\d.]+ (?:µs|us|ns)|O\([^)]*\)`}|(?:at|every|each) ${MANY} (?:ms|s|seconds)) an? ${UNIT}`,
    'per',
  ),
  phrase(`(?:${MANY}|many|them|jobs? arrives?|may start|ready,) an? ${TIME}(?! (?:old|apart|ago|later))`, 'per'),
  phrase(`(?:${PLURALS}|events|reads|writes|calls|looks|an? (?:job|call|look|frame)) an? ${TIME}${MOMENT}`, 'per'),
  phrase(`(?<!of )each (?:\\d+|few|${NUMERAL}) (?:ms|s|min|h|seconds|minutes|hours)`, 'every'),
  phrase('every so manieth', 'every n-th'),
];

/** Every phrase of the table in `text`, comments and messages included, in the order of the lines. */
export function phrasesIn(file: string, text: string): PhraseHit[] {
  const found = PHRASES.flatMap(({ pattern, instead }) =>
    [...text.matchAll(pattern)].map((match) => ({ start: match.index, end: match.index + match[0].length, instead })),
  ).toSorted((a, b) => a.start - b.start || b.end - a.end);
  const apart = found.filter((hit, index) => !found.slice(0, index).some((earlier) => earlier.end > hit.start));
  return apart.map(({ start, end, instead }) => ({
    file,
    line: lineAt(text, start),
    text: text.slice(start, end).replaceAll(new RegExp(GAP, 'g'), ' '),
    instead,
  }));
}

/** One hit as a sentence a developer can act on. */
export function phraseProblem({ file, line, text, instead }: PhraseHit): string {
  return `${file}:${line}: "${text}": say "${instead}"`;
}

function either(...words: string[]): string {
  return `(?:${words.join(' ').replaceAll(' ', '|')})`;
}

function phrase(pattern: string, instead: string): Phrase {
  return { pattern: new RegExp(String.raw`(?<![\w.,])(?:${pattern.replaceAll(' ', GAP)})(?!\w)`, 'gi'), instead };
}
