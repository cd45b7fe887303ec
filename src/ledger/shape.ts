import { nameProblem } from '../model/names.ts';
import type { LedgerEvent } from './event.ts';

/**
 * Holds one parsed line of a ledger to its shape. Fields that are not known are let through: later versions of Lading
 * may add some, and the hash chain covers them. The same shape for other programs is `schemas/ledger.json`.
 */

type Json = Readonly<Record<string, unknown>>;
/** Says what is wrong with a value, or `null`. */
type Rule = (value: unknown) => string | null;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text: Rule = (value) => (typeof value === 'string' ? null : 'is not a string');
const count: Rule = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? null : 'is not a count';
const matching =
  (pattern: RegExp, what: string): Rule =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? null : `is not ${what}`;
const name: Rule = (value) => {
  if (typeof value !== 'string') return 'is not a string';
  const problem = nameProblem(value);
  return problem === null ? null : `is not legal: ${problem}`;
};
const orNull =
  (rule: Rule): Rule =>
  (value) =>
    value === null ? null : rule(value);
const maybe =
  (rule: Rule): Rule =>
  (value) =>
    value === undefined ? null : rule(value);
const mapOf =
  (rule: Rule, what = 'a label'): Rule =>
  (value) => {
    if (!isObject(value)) return 'is not an object';
    for (const [key, one] of Object.entries(value)) {
      if (!LABEL_KEY.test(key)) return `has the key ${JSON.stringify(key)}, which is not legal for ${what}`;
      const problem = rule(one);
      if (problem !== null) return `has a value that ${problem} (${key})`;
    }
    return null;
  };
const record =
  (fields: Readonly<Record<string, Rule>>): Rule =>
  (value) =>
    isObject(value) ? fieldProblem(value, fields) : 'is not an object';
const listOf =
  (rule: Rule): Rule =>
  (value) => {
    if (!Array.isArray(value)) return 'is not a list';
    for (const [index, one] of value.entries()) {
      const problem = rule(one);
      if (problem !== null) return `has an entry ${index} that ${problem}`;
    }
    return null;
  };

const HEX = /^[0-9a-f]{64}$/;
/** Legal at once as a key of a label in OCI, in a selector and on a command line. */
export const LABEL_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;

const hash = matching(HEX, '64 hex digits');
const time = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/, 'a time in UTC');

/** How many properties an event may have, and how long one may be, in characters: they are for people to compare. */
const MAX_PROPERTIES = 16;
const MAX_PROPERTY = 8192;

const short: Rule = (value) => {
  if (typeof value !== 'string') return 'is not a string';
  const long = value.length > MAX_PROPERTY && [...value].length > MAX_PROPERTY;
  return long ? `has more than ${MAX_PROPERTY} characters` : null;
};
const properties: Rule = (value) => {
  const problem = mapOf(short, 'a property')(value);
  if (problem !== null) return problem;
  const size = isObject(value) ? Object.keys(value).length : 0;
  return size > MAX_PROPERTIES ? `has ${size} entries, and ${MAX_PROPERTIES} are admitted` : null;
};

const EVERY: Readonly<Record<string, Rule>> = { seq: count, at: time, name, prev: hash };

const EVENTS: Readonly<Record<LedgerEvent['event'], Readonly<Record<string, Rule>>>> = {
  publish: {
    version: name,
    bump: matching(/^(?:first|major|minor|patch)$/, 'first, major, minor or patch'),
    kind: matching(/^(?:image|artifact)$/, 'image or artifact'),
    repository: text,
    digest: matching(/^sha256:[0-9a-f]{64}$/, 'a digest'),
    content: hash,
    contract: record({
      contract: matching(/^v1$/, 'a contract that this version of Lading knows'),
      signatures: (value) => (isObject(value) ? null : 'is not an object'),
    }),
    framework: orNull(record({ name: text, version: orNull(text) })),
    parameters: orNull(count),
    properties: maybe(properties),
    files: listOf(
      record({ path: text, size: count, sha256: hash, blob: maybe(matching(/^[0-9a-f]{40,64}$/, 'an id')) }),
    ),
    labels: mapOf(text),
    commit: maybe(text),
    run: maybe(text),
  },
  promote: { version: name, alias: name },
  label: { version: name, labels: mapOf(orNull(text)) },
  retire: { version: name, reason: text },
};

function fieldProblem(value: Json, fields: Readonly<Record<string, Rule>>): string | null {
  for (const [field, rule] of Object.entries(fields)) {
    const problem = rule(Object.hasOwn(value, field) ? value[field] : undefined);
    if (problem !== null) return `has a field "${field}" that ${problem}`;
  }
  return null;
}

/** The event that `value` is, or what keeps it from being one. */
export function asEvent(value: unknown): { event: LedgerEvent } | { problem: string } {
  if (!isObject(value)) return { problem: 'is not a JSON object' };
  const kind = value['event'];
  if (typeof kind !== 'string' || !Object.hasOwn(EVENTS, kind))
    return { problem: `has the event ${JSON.stringify(kind)}, which this version of Lading does not know` };
  const problem = fieldProblem(value, { ...EVERY, ...EVENTS[kind as LedgerEvent['event']] });
  return problem === null ? { event: value as unknown as LedgerEvent } : { problem };
}
