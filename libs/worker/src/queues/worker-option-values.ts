/** What a value has to be, in words, and whether it is. */
interface Rule {
  readonly says: string;
  readonly holds: (value: unknown) => boolean;
}

const from = (least: number): Rule => ({
  says: `a whole number from ${least}`,
  holds: (value) => Number.isSafeInteger(value) && Number(value) >= least,
});
const POSITIVE: Rule = {
  says: 'a number above 0',
  holds: (value) => typeof value === 'number' && Number.isFinite(value) && value > 0,
};
const AGE: Rule = {
  says: 'a number of seconds',
  holds: (value) => value === 0 || POSITIVE.holds(value),
};
const BOOLEAN: Rule = { says: 'true or false', holds: (value) => typeof value === 'boolean' };
const OBJECT: Rule = { says: 'an object', holds: (value) => typeof value === 'object' && value !== null };

/** @param needed fields that have to be there. */
function fields(example: string, of: Readonly<Record<string, Rule>>, needed: readonly string[] = []): Rule {
  const listed = Object.entries(of).map(([name, { says }]) => `${name} is ${says}`);
  return {
    says: `an object such as ${example} (${listed.join(', ')})`,
    holds: (value) =>
      OBJECT.holds(value) &&
      needed.every((name) => (value as Record<string, unknown>)[name] !== undefined) &&
      Object.entries(value as object).every(([name, part]) => part === undefined || of[name]?.holds(part) === true),
  };
}

/** -1 keeps all. */
const KEEP = fields('{ count: 1000 }', { count: from(-1), age: AGE, limit: from(1) });

/**
 * By option. BullMQ hands most of them to its scripts, where one of another shape fails each fetch or each end of a job:
 * handlers then run again and again, or jobs stall, and nothing says why.
 */
const RULES: Readonly<Record<string, Rule>> = {
  limiter: fields('{ max: 10, duration: 1000 }', { max: from(1), duration: from(1) }, ['max', 'duration']),
  metrics: fields('{ maxDataPoints: 10080 }', { maxDataPoints: from(0) }),
  removeOnComplete: KEEP,
  removeOnFail: KEEP,
  maximumRateLimitDelay: POSITIVE,
  maxStartedAttempts: from(0),
  maxStalledCount: from(0),
  drainDelay: POSITIVE,
  skipStalledCheck: BOOLEAN,
  skipLockRenewal: BOOLEAN,
  settings: OBJECT,
};

/** What the value of an option has to be; undefined when it is, or when any will do. */
export function whatItHasToBe(name: string, value: unknown): string | undefined {
  const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
  return rule && !rule.holds(value) ? rule.says : undefined;
}
