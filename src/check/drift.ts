import { labelRole } from '../contract/labels.ts';
import type { Draft, ParsedContract } from '../contract/parse.ts';
import { describe } from '../contract/scalars.ts';
import { pointerKey } from '../contract/source.ts';
import type { Contract, Field, Label, Shape, ValueType } from '../contract/types.ts';
import type { Evidence } from '../formats/format.ts';
import type { DriftRule } from './rules-table.ts';

/** How a model is served, as far as drift is concerned. */
export interface DriftOptions {
  /** A hand-written `predict.py`, or a class of the framework, stands between callers and model: what differs may be its work. */
  readonly wrapped: boolean;
}

type Side = 'inputs' | 'outputs';

/**
 * Holds what the user declared against what the model's files say. Declaring more than the files say is fine, and
 * so is contradicting a mere convention (evidence `assumed`): the user knows better. Contradicting the files is an
 * error, or a warning where a hand-written wrapper may make it true.
 *
 * @param evidence of the inferred contract, by JSON Pointer; a pointer that is not there counts as stated.
 * @returns findings of the rules `drift-*` on the lines of the declared contract.
 */
export function drift(
  declared: ParsedContract,
  inferred: Contract,
  evidence: Readonly<Record<string, Evidence>>,
  options: DriftOptions,
): Draft[] {
  const drafts: Draft[] = [];
  const against = options.wrapped ? 'warning' : 'error';
  const firm = (pointer: string): boolean => {
    const kind = evidence[pointer]?.kind ?? 'stated';
    return kind === 'stated' || kind === 'derived';
  };
  const add = (at: Place, draft: Pick<Draft, 'level' | 'message' | 'help'> & { rule: DriftRule }): void => {
    const line = declared.lineOf(at.declared);
    drafts.push({ ...draft, file: declared.file, ...(line !== undefined && { line }), subject: at.subject });
  };
  const signatures = declared.contract.signatures;
  const names = Object.keys(inferred.signatures);

  for (const [name, signature] of Object.entries(signatures)) {
    const pointer = `/signatures/${pointerKey(name)}`;
    const known = Object.hasOwn(inferred.signatures, name) ? inferred.signatures[name] : undefined;
    if (!known) {
      if (names.length > 0)
        add(
          { subject: name, declared: pointer, inferred: '/signatures' },
          {
            rule: 'drift-signature-unknown',
            level: against,
            message: `the contract declares the signature "${name}", which the model does not have`,
            help: `The model has: ${names.join(', ')}. Remove the signature or rename it.`,
          },
        );
      continue;
    }
    for (const side of ['inputs', 'outputs'] as const)
      fields(signature[side], known[side], {
        subject: `${name}.${side}`,
        declared: `${pointer}/${side}`,
        inferred: `${pointer}/${side}`,
        side,
      });
  }
  for (const name of names)
    if (!Object.hasOwn(signatures, name) && Object.keys(signatures).length > 0)
      add(
        { subject: name, declared: '/signatures', inferred: '/signatures' },
        {
          rule: 'drift-signature-undeclared',
          level: 'notice',
          message: `the model has a signature "${name}", which the contract does not declare`,
          help: 'Declare it if callers may use it.',
        },
      );
  return drafts;

  function fields(
    given: readonly Field[] | null,
    known: readonly Field[] | null,
    at: Place & { side: Side },
  ): void {
    if (given === null || known === null) return;
    const word = at.side === 'inputs' ? ('input' as const) : ('output' as const);
    const byConvention = known.length > 0 && known.every((_, index) => !firm(`${at.inferred}/${index}/name`));
    const [only] = known;
    if (byConvention && known.length === 1 && only && isTable(given, only)) {
      const columns = only.shape?.[1];
      const first = `${at.inferred}/0/shape`;
      if (typeof columns === 'number' && columns !== given.length && firm(first))
        add(at, {
          rule: `drift-${word}-count`,
          level: against,
          message: `the contract declares ${given.length} columns; the model takes ${columns}`,
          help: 'Declare one field for every column that the model was trained with, in its order.',
        });
      return;
    }
    const pairs: [Field, number, Field, number][] = [];
    const used = new Set<number>();
    given.forEach((field, index) => {
      // Names that are a convention are matched by position.
      const found = byConvention
        ? index < known.length
          ? index
          : -1
        : known.findIndex((k) => k.name === field.name);
      const match = known[found];
      if (match) {
        used.add(found);
        pairs.push([field, index, match, found]);
      } else
        add(
          { ...at, subject: `${at.subject}.${field.name}`, declared: `${at.declared}/${index}/name` },
          {
            rule: `drift-${word}-unknown`,
            level: against,
            message: `the contract declares the ${word} "${field.name}", which the model does not have`,
            help: nearest(field.name, known),
          },
        );
    });
    known.forEach((field, index) => {
      if (used.has(index)) return;
      add(
        { ...at, subject: `${at.subject}.${field.name}` },
        {
          rule: `drift-${word}-undeclared`,
          level: at.side === 'outputs' || field.optional === true ? 'notice' : against,
          message: `the model has the ${word} "${field.name}", which the contract does not declare`,
          help: `Declare it, as \`lading inspect\` shows it.`,
        },
      );
    });
    for (const [field, i, match, j] of pairs) {
      const place = {
        subject: `${at.subject}.${field.name}`,
        declared: `${at.declared}/${i}`,
        inferred: `${at.inferred}/${j}`,
        side: at.side,
      };
      value(field, match, place);
      labels(field, match, place);
      const loose = at.side === 'inputs' ? [field, match] : [match, field];
      if (loose[0]?.optional === true && loose[1]?.optional !== true)
        add(
          { ...place, declared: `${place.declared}/optional` },
          {
            rule: `drift-${word}-optional`,
            level: 'warning',
            message:
              at.side === 'inputs'
                ? `the contract says that "${field.name}" may be left out; the model does not`
                : `the model may leave "${field.name}" out; the contract does not say so`,
            help: at.side === 'inputs' ? 'Remove `optional`.' : 'Add `optional: true`.',
          },
        );
    }
  }

  function value(given: ValueType, known: ValueType, at: Place & { side: Side }): void {
    const word = at.side === 'inputs' ? ('input' as const) : ('output' as const);
    if (given.type !== null && known.type !== null && given.type !== known.type) {
      if (firm(`${at.inferred}/type`))
        add(
          { ...at, declared: `${at.declared}/type` },
          {
            rule: `drift-${word}-type`,
            level: against,
            message: `the contract declares the type ${given.type}; the model has ${known.type}`,
            help: `Write \`type: ${known.type}\`, or train the model with ${given.type}.`,
          },
        );
      return;
    }
    if (given.shape !== null && known.shape !== null && firm(`${at.inferred}/shape`))
      shape(given.shape, known.shape, at);
    if (given.items && known.items) value(given.items, known.items, nested(at, 'items'));
    if (given.values && known.values) value(given.values, known.values, nested(at, 'values'));
    if (given.keys && known.keys && given.keys !== known.keys && firm(`${at.inferred}/keys`))
      add(
        { ...at, declared: `${at.declared}/keys` },
        {
          rule: `drift-${word}-type`,
          level: against,
          message: `the contract declares keys of type ${given.keys}; the model has ${known.keys}`,
          help: `Write \`keys: ${known.keys}\`.`,
        },
      );
    if (given.fields && known.fields) fields(given.fields, known.fields, nested(at, 'fields'));
  }

  function shape(given: Shape, known: Shape, at: Place & { side: Side }): void {
    const word = at.side === 'inputs' ? ('input' as const) : ('output' as const);
    const place = { ...at, declared: `${at.declared}/shape` };
    if (given.length !== known.length) {
      add(place, {
        rule: `drift-${word}-rank`,
        level: against,
        message: `the contract declares the shape ${show(given)}; the model has ${show(known)}`,
        help: `Write \`shape: ${show(known)}\`.`,
      });
      return;
    }
    // A declared size may be more exact than that of the model, but not other and not wider.
    const wrong = known.findIndex((size, axis) => typeof size === 'number' && given[axis] !== size);
    if (wrong !== -1)
      add(place, {
        rule: `drift-${word}-dimension`,
        level: against,
        message: `axis ${wrong} is declared as ${given[wrong] ?? 'of any size'}; the model has ${known[wrong]}`,
        help: `Write \`shape: ${show(known)}\`.`,
      });
  }

  function labels(given: Field, known: Field, at: Place & { side: Side }): void {
    const key = at.side === 'inputs' ? 'categories' : 'labels';
    const [mine, theirs] = [given[key], known[key]];
    if (!mine || !theirs || !firm(`${at.inferred}/${key}`)) return;
    const ordered = key === 'labels' && labelRole(known) !== 'values';
    const same = ordered ? equal(mine, theirs) : equal([...mine].sort(byText), [...theirs].sort(byText));
    // Names for the classes 0, 1, 2 … are what the model cannot say itself.
    const named =
      theirs.every((label, index) => label === index) &&
      mine.length === theirs.length &&
      !mine.some(isNumber);
    // Fewer categories than the model knows are a narrower promise.
    const narrower = key === 'categories' && mine.every((category) => theirs.includes(category));
    if (same || named || narrower) return;
    const reordered = equal([...mine].sort(byText), [...theirs].sort(byText));
    add(
      { ...at, declared: `${at.declared}/${key}` },
      {
        rule: at.side === 'inputs' ? 'drift-input-categories' : 'drift-output-labels',
        level: against,
        message: reordered
          ? `the ${key} are those of the model in another order, so that every entry stands for the wrong one`
          : `the contract declares the ${key} ${few(mine)}; the model has ${few(theirs)}`,
        help: `Write \`${key}: [${theirs
          .map((label) => describe(label))
          .join(', ')
          .slice(0, 200)}]\`.`,
      },
    );
  }
}

interface Place {
  readonly subject: string;
  /** JSON Pointers into the declared and the inferred contract. */
  readonly declared: string;
  readonly inferred: string;
}

function nested(at: Place & { side: Side }, key: string): Place & { side: Side } {
  return {
    ...at,
    subject: key === 'fields' ? at.subject : `${at.subject}.${key}`,
    declared: `${at.declared}/${key}`,
    inferred: `${at.inferred}/${key}`,
  };
}

/** Whether columns are declared for what the model's files call one table. */
function isTable(given: readonly Field[], tensor: Field): boolean {
  if (tensor.shape?.length !== 2) return false;
  return given.length !== 1 || given.every((field) => field.shape !== null && field.shape.length === 1);
}

const isNumber = (label: Label): boolean => typeof label === 'number';
const byText = (a: Label, b: Label): number => (`${typeof a}${a}` < `${typeof b}${b}` ? -1 : 1);
const equal = (a: readonly Label[], b: readonly Label[]): boolean =>
  a.length === b.length && a.every((label, index) => label === b[index]);
const show = (shape: Shape): string => `[${shape.map((size) => size ?? 'null').join(', ')}]`;
const few = (labels: readonly Label[]): string =>
  `[${labels.slice(0, 5).map(describe).join(', ')}${labels.length > 5 ? `, … ${labels.length} in all` : ''}]`;

function nearest(name: string, known: readonly Field[]): string {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const close = known.find((field) => plain(field.name) === plain(name));
  if (close) return `Did you mean "${close.name}"?`;
  const list = known.slice(0, 8).map((field) => field.name);
  return known.length === 0
    ? 'The model has none.'
    : `The model has: ${list.join(', ')}${known.length > list.length ? ', …' : ''}.`;
}
