import type { Direction } from './admits.ts';
import { type Rule, ruleId, ruleOf, type Verdict } from './rules.ts';
import { describe } from './scalars.ts';
import type { Field, Label, Shape } from './types.ts';
import { type Choices, prove } from './witness.ts';

/** One difference between two contracts, and what it means for callers. Plain data. */
export interface Change {
  readonly rule: string;
  readonly verdict: Verdict;
  /** What it is about, such as `predict.inputs.alcohol`. */
  readonly subject: string;
  /** JSON Pointers into the new and the old contract; of what is not there, to what is around it. */
  readonly pointer: string;
  readonly oldPointer: string;
  readonly old: string | null;
  readonly new: string | null;
  /** Which caller breaks, in one sentence. */
  readonly message: string;
  readonly help: string;
  /** A payload, shortened, that shows it. */
  readonly example?: string;
  /**
   * Of most breaking changes: an input that the old contract admits and the new one does not, or an output that the
   * new one may return and a caller of the old one cannot read. Changes that are breaking for what values mean
   * (labels in another order) have none, since the shape of the payload stays the same.
   */
  readonly counterexample?: {
    readonly signature: string;
    readonly direction: Direction;
    readonly payload: Readonly<Record<string, unknown>>;
  };
}

/** One side of one signature under comparison: who wrote the payloads (`sub`), and who has to take them (`sup`). */
export interface Scene {
  readonly signature: string;
  readonly direction: Direction;
  readonly old: readonly Field[];
  readonly new: readonly Field[];
  readonly sub: readonly Field[];
  readonly sup: readonly Field[];
  readonly changes: Change[];
}

/** A place in both contracts. */
export interface Place {
  /** As `admits` names paths; empty for the side as a whole. */
  readonly path: string;
  /** The top-level field that it is in. */
  readonly top: string | null;
  readonly pointer: string;
  readonly oldPointer: string;
}

/** What is known of an edit when it is found. */
export interface Edit {
  readonly old: string | null;
  readonly new: string | null;
  /** Choices that make a payload show it; several are tried in turn. Absent: the plain payload. */
  readonly choices?: readonly Choices[];
  /** Top-level fields that matter besides that of the place. */
  readonly focus?: readonly string[];
  /** Paths of the violation that shows it; by default that of the place. */
  readonly paths?: readonly string[];
  /** Shows a change of meaning, for which there is no payload that one of the contracts refuses. */
  readonly meaning?: string;
  /** Whether no proof means that there is none: the change reaches no call. */
  readonly exact?: boolean;
  /** Whether it is only worth a word when a payload shows it. */
  readonly ifProved?: boolean;
  /** Only of use with a verdict that is unclear. */
  readonly example?: string;
}

/** Adds a change to the scene: finds the rule, proves that it breaks, and words it. Returns its verdict. */
export function record(scene: Scene, edit: string, place: Place, given: Edit): Verdict {
  const rule = ruleOf(ruleId(scene.direction, edit));
  const proof =
    rule.verdict === 'breaking' && given.meaning === undefined ? proofOf(scene, place, given) : null;
  const unproved = rule.verdict === 'breaking' && given.meaning === undefined && proof === null;
  if (unproved && given.ifProved === true) return 'compatible';
  const verdict: Verdict = unproved ? (given.exact === true ? 'compatible' : 'unclear') : rule.verdict;
  const side = scene.direction === 'input' ? 'inputs' : 'outputs';
  const example = proof ? shorten(proof, focusOf(place, given)) : (given.meaning ?? given.example);
  const text = wording(rule, place.path, given);
  scene.changes.push({
    ...text,
    ...(unproved && { message: unprovedMessage(verdict, text.message, place, given) }),
    rule: rule.id,
    verdict,
    subject: [scene.signature, side, ...(place.path === '' ? [] : [place.path])].join('.'),
    pointer: place.pointer,
    oldPointer: place.oldPointer,
    old: given.old,
    new: given.new,
    ...(example !== undefined && { example }),
    ...(proof && {
      counterexample: { signature: scene.signature, direction: scene.direction, payload: proof },
    }),
  });
  return verdict;
}

/** What to say when no call is known that the change breaks: none is possible, or none was found. */
function unprovedMessage(verdict: Verdict, message: string, place: Place, given: Edit): string {
  if (verdict !== 'compatible') return `${message} (no payload was found that shows it)`;
  const [old, now] = [given.old ?? 'nothing', given.new ?? 'nothing'];
  return `${JSON.stringify(place.path)} changed from ${old} to ${now}, which no call that was possible notices`;
}

/** Message and help of a rule with its blanks filled in. */
export function wording(
  rule: Rule,
  name: string,
  values: { readonly old: string | null; readonly new: string | null },
): { message: string; help: string } {
  const fill = (text: string) =>
    text.replace(/\{(name|old|new)\}/g, (_, blank: 'name' | 'old' | 'new') =>
      blank === 'name' ? JSON.stringify(name) : (values[blank] ?? 'nothing'),
    );
  return { message: fill(rule.says), help: fill(rule.help) };
}

function focusOf(place: Place, given: Edit): string[] {
  return [...(place.top === null ? [] : [place.top]), ...(given.focus ?? [])];
}

function proofOf(scene: Scene, place: Place, given: Edit): Record<string, unknown> | null {
  for (const choices of given.choices ?? [{}])
    for (const path of given.paths ?? [place.path]) {
      const proof = prove(scene.sub, scene.sup, scene.direction, path, focusOf(place, given), choices);
      if (proof) return proof;
    }
  return null;
}

const MAX_EXAMPLE = 200;

/** A payload as JSON, with the fields in `focus` first, long arrays and other fields left out. */
export function shorten(payload: Readonly<Record<string, unknown>>, focus: readonly string[]): string {
  const names = Object.keys(payload);
  const shown = names.filter((name) => focus.includes(name));
  // What is missing is seen by what stands beside it.
  const list = (shown.length > 0 ? shown : names).slice(0, 3);
  const pairs = list.map((name) => `${JSON.stringify(name)}: ${short(payload[name], 0)}`);
  const text = `{${[...pairs, ...(list.length < names.length ? ['…'] : [])].join(', ')}}`;
  return text.length > MAX_EXAMPLE ? `${text.slice(0, MAX_EXAMPLE - 1)}…` : text;
}

function short(value: unknown, depth: number): string {
  if (depth > 8) return '…';
  if (Array.isArray(value)) {
    const shown = value.slice(0, value.length > 4 ? 2 : 4).map((entry) => short(entry, depth + 1));
    return `[${shown.join(', ')}${value.length > shown.length ? `, … ${value.length} in all` : ''}]`;
  }
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .slice(0, 3)
      .map(([key, entry]) => `${JSON.stringify(key)}: ${short(entry, depth + 1)}`)
      .join(', ')}}`;
  if (typeof value === 'string' && value.length > 40) return JSON.stringify(`${value.slice(0, 39)}…`);
  return typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'null');
}

export function showShape(shape: Shape | null): string {
  return shape === null ? 'any shape' : `[${shape.map((size) => size ?? 'null').join(', ')}]`;
}

export function showLabels(labels: readonly Label[]): string {
  const shown = labels.slice(0, 5).map(describe);
  return `[${shown.join(', ')}${labels.length > shown.length ? `, … ${labels.length} in all` : ''}]`;
}

export function showRange(range: { readonly min?: number; readonly max?: number } | undefined): string {
  const { min, max } = range ?? {};
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `${min} and over`;
  return max === undefined ? 'any number' : `${max} and under`;
}

export function showNames(fields: readonly Field[]): string {
  const shown = fields
    .slice(0, 4)
    .map((field) => `${JSON.stringify(field.name)}${field.type === null ? '' : ` (${field.type})`}`);
  return `${shown.join(', ')}${fields.length > shown.length ? ` and ${fields.length - shown.length} more` : ''}`;
}
