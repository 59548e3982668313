import { stringify } from 'yaml';
import { GROUP, VERSION } from '../kinds/meta.ts';
import { objectSchema, type KindDefinition } from './definition.ts';
import { code, fence, list, paragraph, table } from './markdown.ts';
import type { StructuralSchema } from './structural-schema.ts';
import { GENERATED } from './yaml.ts';

/** The reference page of a kind as Markdown: fields of spec and status, rules, conditions, columns and examples. */
export function referencePage(definition: KindDefinition): string {
  const schema = objectSchema(definition);
  const { spec, status } = schema.properties as Record<'spec' | 'status', StructuralSchema>;
  const reasons = Object.entries(definition.reasons);
  const notices = reasons.filter(([, { kind }]) => !(kind in READY_BY_KIND));
  return [
    `<!-- ${GENERATED} -->`,
    `# ${definition.kind}`,
    paragraph(definition.description),
    `\`apiVersion: ${GROUP}/${VERSION}\`, \`kind: ${definition.kind}\`, ${definition.scope === 'Cluster' ? 'cluster-scoped' : 'namespaced'}, short name \`${definition.shortName}\`.`,
    ...definition.examples.flatMap(({ title, object }) => [
      paragraph(title),
      fence(stringify(object, { lineWidth: 0 })),
    ]),
    '## Spec',
    paragraph(spec.description ?? ''),
    fieldTable(spec, 'spec'),
    '## Rules',
    'Checked by the API server, for every client:',
    list(rulesOf(schema, '').map(({ path, message }) => `${path ? `\`${path}\`: ` : ''}${message}`)),
    '## Status',
    'Written by the operator, read by you.',
    fieldTable(status, 'status'),
    '## Conditions',
    'Three are always there, `Unknown` until a controller has seen the object:',
    list([
      '`Ready`: the newest spec is in effect.',
      `\`Available\`: it serves now: ${definition.available ?? 'it is Ready, or what was in effect before stays so'}.`,
      '`Degraded`: it serves worse than it should, or no longer; its reason is that of the condition that says why. `Unknown` until it is `Available` for the first time.',
    ]),
    'Beside them:',
    list([
      '`Reconciling`: the operator is at work or tries again by itself. Present only while True.',
      '`Stalled`: nothing moves until somebody acts. Present only while True.',
      ...definition.notices.map(({ type, meaning }) => `\`${type}\`: ${meaning}`),
    ]),
    '### Reasons of Ready',
    table(
      ['Reason', 'Ready', 'Beside it', 'Meaning'],
      reasons.flatMap(([reason, { kind, doc }]) =>
        kind in READY_BY_KIND ? [[`\`${reason}\``, ...READY_BY_KIND[kind as ReadyKind], doc]] : [],
      ),
    ),
    ...(notices.length === 0
      ? []
      : [
          '### Reasons of other conditions and of events',
          table(
            ['Reason', 'Beside it', 'Meaning'],
            notices.map(([reason, { kind, doc }]) => [`\`${reason}\``, kind === 'degraded' ? '`Degraded`' : '', doc]),
          ),
        ]),
    '## Columns of `kubectl get`',
    table(
      ['Column', 'From', 'Shown'],
      definition.columns.map(({ name, jsonPath, priority }) => [name, `\`${jsonPath}\``, priority ? '`-o wide`' : '']),
    ),
  ]
    .join('\n\n')
    .concat('\n');
}

/** What a reason of Ready comes with: Ready's status, and the condition beside it. */
const READY_BY_KIND = {
  pending: ['Unknown', ''],
  ready: ['True', ''],
  progressing: ['False', '`Reconciling`'],
  retries: ['False', '`Reconciling`, `Degraded`'],
  stalled: ['False', '`Stalled`, `Degraded`'],
} as const;
type ReadyKind = keyof typeof READY_BY_KIND;

interface Field {
  path: string;
  schema: StructuralSchema;
  required: boolean;
}

function fieldTable(root: StructuralSchema, path: string): string {
  return table(
    ['Field', 'Type', 'Default', 'Bounds', 'Description'],
    fieldsOf(root, path).map(({ path: field, schema, required }) => [
      `\`${field}\`${required ? ' _(required)_' : ''}`,
      typeName(schema),
      schema.default === undefined ? '' : `\`${JSON.stringify(schema.default).replaceAll('"', '')}\``,
      bounds(schema).join(', '),
      schema.description ?? schema.items?.description ?? '',
    ]),
  );
}

/** Every field below `schema`, parents first, list items as `[]`. */
function fieldsOf(schema: StructuralSchema, path: string): Field[] {
  const container = schema.items ? { schema: schema.items, path: `${path}[]` } : { schema, path };
  return Object.entries(container.schema.properties ?? {}).flatMap(([name, child]) => {
    const field = `${container.path}.${name}`;
    const required = container.schema.required?.includes(name) ?? false;
    return [{ path: field, schema: child, required }, ...fieldsOf(child, field)];
  });
}

function typeName(schema: StructuralSchema): string {
  if (schema['x-kubernetes-int-or-string']) return 'integer or string';
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(' ');
  if (schema.items) {
    const kind = schema['x-kubernetes-list-type'] === 'set' ? 'set' : 'list';
    return `${kind} of ${schema.items.type === 'object' ? 'objects' : typeName(schema.items)}`;
  }
  if (schema.additionalProperties) return `map of ${typeName(schema.additionalProperties)}`;
  if (schema.format) return schema.format;
  return schema.type ?? '';
}

function bounds(schema: StructuralSchema): string[] {
  return [
    range(schema.minimum, schema.maximum, ''),
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' entries'),
    schema.pattern && !schema['x-kubernetes-int-or-string'] ? code(schema.pattern) : '',
    ...(schema.items && schema.items.type !== 'object' ? bounds(schema.items).map((bound) => `each ${bound}`) : []),
  ].filter((text) => text !== '');
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return `${least} to ${most}${unit}`;
  if (least !== undefined) return `≥ ${least}${unit}`;
  if (most !== undefined) return `≤ ${most}${unit}`;
  return '';
}

function rulesOf(schema: StructuralSchema, path: string): { path: string; message: string }[] {
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => ({ path, message })),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
      rulesOf(child, path === '' ? name : `${path}.${name}`),
    ),
    ...(schema.items ? rulesOf(schema.items, `${path}[]`) : []),
  ];
}
