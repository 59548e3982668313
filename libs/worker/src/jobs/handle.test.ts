import { type } from 'arktype';
import type { Job } from 'bullmq';
import * as valibot from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { handle, type Handler, type StandardSchema } from '../index.ts';
import { partsOf } from './handler.ts';
import { checkJobData } from './job-data.ts';

/** The same schema in three libraries: a default and a transformation, so that what goes in is not what comes out. */
interface Order {
  to: string;
  amount: number;
  express: boolean;
}
const inZod = z.object({
  to: z.email(),
  amount: z.string().transform(Number),
  express: z.boolean().default(false),
});
const inValibot = valibot.object({
  to: valibot.pipe(valibot.string(), valibot.email()),
  amount: valibot.pipe(valibot.string(), valibot.transform(Number)),
  express: valibot.optional(valibot.boolean(), false),
});
const inArkType = type({
  to: 'string.email',
  amount: 'string.numeric.parse',
  express: 'boolean = false',
});
const schemas: [string, StandardSchema<Order>][] = [
  ['Zod', inZod],
  ['Valibot', inValibot],
  ['ArkType', inArkType],
];

const wantsText: Handler<{ amount: string }> = () => Promise.resolve();
const plain: Handler<Order, string> = ({ data }) => Promise.resolve(data.to);

const DATA = { to: 'ada@example.com', amount: '12' };

describe.each(schemas)('a schema of %s', (_library, schema) => {
  it('makes of the job data what the handler gets', async () => {
    expect(await checkJobData(schema, DATA)).toEqual({ ok: true, data: { ...DATA, amount: 12, express: false } });
  });

  it('refuses data that does not fit, and names the field', async () => {
    const checked = await checkJobData(schema, { ...DATA, to: 'nobody' });
    expect(checked).toMatchObject({ ok: false, message: expect.stringMatching(/^data does not fit the schema: .*to/) });
  });
});

describe('the types of a handler', () => {
  it("infer job.data from the schema's output, and keep the handler's result", () => {
    const checked = handle(inZod, async ({ data }) => await Promise.resolve(data.amount * 2));
    expectTypeOf(checked.run).parameter(0).toEqualTypeOf<Job<Order>>();
    expectTypeOf(checked.run).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(handle(inValibot, ({ data }) => Promise.resolve(data)).run).returns.resolves.toEqualTypeOf<Order>();
    expectTypeOf(handle(inArkType, ({ data }) => Promise.resolve(data)).run).returns.resolves.toEqualTypeOf<Order>();
    expect(partsOf(checked)).toEqual({ handler: checked.run, schema: inZod });
  });

  it('refuse a handler that wants other data than its schema makes', () => {
    // @ts-expect-error amount is a number once it has passed the schema
    expect(handle(inZod, wantsText).run).toBe(wantsText);
  });

  it('let a plain function say itself what its data is', () => {
    expectTypeOf(partsOf(plain).handler).returns.resolves.toEqualTypeOf<string>();
    expect(partsOf(plain)).toEqual({ handler: plain });
  });
});
