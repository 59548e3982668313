import { z } from 'zod';
import { celRules, type ValidationRule } from './cel.ts';
import { parseDuration, type Milliseconds } from './duration.ts';
import { dateTime } from './run-fields.ts';

// What a QueueBackup has with mode Incremental.

/** Points of one chain, the full one included. */
export const MOST_POINTS = 1_000;
/** Chains that are kept at a time. */
export const MOST_CHAINS = 100;
/** Beside those that `keep` holds there are the newest one, and one that is being removed. */
const CHAINS_BESIDE_KEEP = 2;

const length = (units: string) =>
  z
    .string()
    .max(6)
    .regex(new RegExp(`^[1-9][0-9]{0,4}[${units}]$`));

/** CEL for the seconds of a field; its own `duration` knows no days. */
const seconds = (field: string): string =>
  `(self.${field}.endsWith('d') ? int(self.${field}.replace('d', '')) * 86400 : duration(self.${field}).getSeconds())`;

const secondsOf = (text: string): number => parseDuration(text) / 1_000;

function between(field: string, least: string, most: string): ValidationRule {
  return {
    rule: `${seconds(field)} >= ${secondsOf(least)} && ${seconds(field)} <= ${secondsOf(most)}`,
    message: `${field} has to be from ${least} to ${most}`,
    fieldPath: `.${field}`,
  };
}

export const incrementalSchema = z
  .object({
    every: length('smh')
      .default('30s')
      .describe(
        'From one point to the next, which has what changed since: 10s to 1h. It is what may be lost, besides the time that a point takes.',
      ),
    fullEvery: length('mhd')
      .default('2h')
      .describe('From one full point, with which a new chain begins, to the next: 10m to 7d.'),
    keep: length('mhd')
      .default('24h')
      .describe(
        'For how long a chain is kept after its newest point: 1h to 30d. The newest chain stays, however old; one that a restore reads stays until that is done.',
      ),
  })
  .meta(
    celRules(
      between('every', '10s', '1h'),
      between('fullEvery', '10m', '7d'),
      between('keep', '1h', '30d'),
      {
        rule: `${seconds('fullEvery')} <= ${seconds('every')} * ${MOST_POINTS}`,
        message: `a chain would have more than ${MOST_POINTS} points; make fullEvery shorter or every longer`,
        fieldPath: '.fullEvery',
      },
      {
        rule: `${seconds('keep')} <= ${seconds('fullEvery')} * ${MOST_CHAINS - CHAINS_BESIDE_KEEP}`,
        message: `there would be more than ${MOST_CHAINS} chains; make keep shorter or fullEvery longer`,
        fieldPath: '.keep',
      },
    ),
  );

/** Points of which the first is a full backup, and each other one what changed since the one before. */
const chainSchema = z.object({
  number: z.int().min(1).describe('Counts up; its folder is named by it.'),
  firstTime: dateTime.describe("The instant of its full point, by Redis' clock."),
  lastTime: dateTime.describe("The instant of its newest point, by Redis' clock."),
  beganAt: dateTime
    .optional()
    .describe('When its full point was begun, by the clock of the controller, from which fullEvery counts.'),
  extendedAt: dateTime
    .optional()
    .describe('When its newest point was begun, by the clock of the controller, from which keep counts.'),
  points: z.int().min(1).describe('How many it has; the full one is one of them.'),
  directory: z.string().describe('Folder of its newest point in the storage, for QueueRestore.spec.from.directory.'),
  manifestSha256: z.string().describe('SHA-256 of the manifest of that point, which vouches for those before it.'),
  storedBytes: z.int().min(0).describe('Size of all its points as stored.'),
});

export const incrementalStatusSchema = z.object({
  chains: z
    .array(chainSchema)
    .max(MOST_CHAINS)
    .describe('What can be restored from, the newest chain first.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  lastPointTime: dateTime.describe(
    "The instant of the newest point: the earliest snapshotAt of its queues, by Redis' clock.",
  ),
  nextPointTime: dateTime.describe('When the next point is due, by the clock of the controller.'),
});

export type IncrementalSpec = z.infer<typeof incrementalSchema>;
export type BackupChain = z.infer<typeof chainSchema>;
export type IncrementalStatus = z.infer<typeof incrementalStatusSchema>;

/** The times of an incremental backup; what its spec leaves out is as the schema says. */
export function incrementalTimes(spec: Partial<IncrementalSpec> = {}): {
  readonly everyMs: Milliseconds;
  readonly fullEveryMs: Milliseconds;
  readonly keepMs: Milliseconds;
} {
  const { every, fullEvery, keep } = incrementalSchema.parse(spec);
  return { everyMs: parseDuration(every), fullEveryMs: parseDuration(fullEvery), keepMs: parseDuration(keep) };
}
