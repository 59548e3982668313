import type { NoticeCondition, PrinterColumn } from './definition.ts';

// What kinds have in common whose objects run once.

/** What it does, or why it does nothing. */
export const STATE_COLUMN: PrinterColumn = {
  name: 'State',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
  description: 'What it does, or why it does nothing: the reason of Ready.',
};

export const MESSAGE_COLUMN: PrinterColumn = {
  name: 'Message',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].message',
  priority: 1,
};

export const RUN_NOTICES: NoticeCondition[] = [
  { type: 'Complete', meaning: 'it has ended, and did what the spec asks for. Present only while True.' },
  { type: 'Failed', meaning: 'it has ended, and did not. Present only while True.' },
];
