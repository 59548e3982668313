import { describe, expect, it } from 'vitest';
import { disagreements, readDecision, type Decision } from './decision.ts';

const page = (head: string, heading = '# 96. Many pools'): string =>
  `---\n${head}\n---\n\n${heading}\n\n**Context.** …\n`;
const read = (head: string, heading?: string): Decision => readDecision('0096-many-pools.md', page(head, heading));

const decision = (number: string, more: Partial<Decision> = {}): Decision => ({
  file: `${number}-x.md`,
  number,
  title: 'x',
  date: '2026-11-21',
  status: { kind: 'accepted' },
  replaces: [],
  ...more,
});

describe('a page', () => {
  it('says number, title, date, status and what it replaces', () => {
    const head = "date: 2026-11-21\nstatus: Accepted\nreplaces:\n  - '0032: the common grid'\n  - '0022'";
    expect(read(head)).toEqual({
      file: '0096-many-pools.md',
      number: '0096',
      title: 'Many pools',
      date: '2026-11-21',
      status: { kind: 'accepted' },
      replaces: [{ number: '0032', part: 'the common grid' }, { number: '0022' }],
    });
  });

  it('may be superseded', () => {
    expect(read('date: 2026-11-21\nstatus: Superseded by 0097').status).toEqual({ kind: 'superseded', by: '0097' });
  });

  it.each([
    ['no status', 'date: 2026-11-21', undefined, /"status: " is neither/],
    ['another status', 'date: 2026-11-21\nstatus: Proposed', undefined, /"status: Proposed" is neither/],
    ['no day', 'date: 2026-13-40\nstatus: Accepted', undefined, /"date: 2026-13-40" is not a day/],
    [
      'a misspelled field',
      'date: 2026-11-21\nstatus: Accepted\nreplace: 1',
      undefined,
      /"replace: 1", which is not a known field/,
    ],
    ['another number', 'date: 2026-11-21\nstatus: Accepted', '# 95. Many', /heading says 95, the name 0096/],
    ['no number', 'date: 2026-11-21\nstatus: Accepted', '# Many', /does not begin with a head and/],
    [
      'a replaced word',
      "date: 2026-11-21\nstatus: Accepted\nreplaces:\n  - 'grid'",
      undefined,
      /"replaces" has 'grid'/,
    ],
  ])('is refused with %s, by a message that names the page and the template', (_, head, heading, message) => {
    expect(() => read(head, heading)).toThrow(message);
    expect(() => read(head, heading)).toThrow(/^docs\/decisions\/0096-many-pools\.md: .*0000-template\.md/);
  });
});

describe('pages agree about what replaced what', () => {
  it('in whole and in part', () => {
    const whole = [
      decision('0001', { status: { kind: 'superseded', by: '0002' } }),
      decision('0002', { replaces: [{ number: '0001' }] }),
    ];
    expect(disagreements(whole)).toEqual([]);
    expect(disagreements([decision('0001'), decision('0002', { replaces: [{ number: '0001', part: 'y' }] })])).toEqual(
      [],
    );
  });

  it('or it is said which does not', () => {
    expect(disagreements([decision('0001'), decision('0002', { replaces: [{ number: '0001' }] })])).toEqual([
      'docs/decisions/0001-x.md: 0002-x.md replaces it; say "status: Superseded by 0002"',
    ]);
    expect(disagreements([decision('0001', { status: { kind: 'superseded', by: '0002' } }), decision('0002')])).toEqual(
      ["docs/decisions/0001-x.md: superseded by 0002, which does not say that it replaces '0001'"],
    );
    expect(disagreements([decision('0002', { replaces: [{ number: '0001' }] })])).toEqual([
      'docs/decisions/0002-x.md: replaces 0001, which does not exist',
    ]);
    expect(disagreements([decision('0001'), decision('0001', { file: '0001-y.md' })])).toEqual([
      'docs/decisions/: 0001-x.md and 0001-y.md have one number; renumber the later',
    ]);
  });
});
