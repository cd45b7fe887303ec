import { admits } from './admits.ts';
import { canonicalJson } from './canonical.ts';
import { type Change, type Place, record, type Scene, shorten, showNames, wording } from './change.ts';
import { compareValue } from './compare-values.ts';
import { isContainer } from './labels.ts';
import { ruleOf } from './rules.ts';
import { FLOATS, INTEGERS } from './scalars.ts';
import { pointerKey } from './source.ts';
import { compareTies, compareWithInputs } from './ties.ts';
import {
  type Contract,
  defaultSignature,
  type Field,
  type ScalarType,
  type Signature,
  type ValueType,
} from './types.ts';
import { buildPayload } from './witness.ts';

export type { Change } from './change.ts';

/**
 * What changed between two contracts, and whether it breaks callers (DESIGN.md §5). Inputs: the new contract has to
 * admit all that the old one admitted. Outputs: all that the new one may return, a caller of the old one must be
 * able to read. Changes come in the order of the new contract; changes without any effect (a description, the
 * name of an axis) are none.
 */
export function compareContracts(old: Contract, now: Contract): Change[] {
  const changes: Change[] = [];
  const before = signaturesOf(old);
  const after = signaturesOf(now);
  for (const [name, signature] of before) {
    const next = after.get(name);
    if (next) compareSignature(name, signature, next, changes);
    else changes.push(signatureRemoved(name, signature, now));
  }
  for (const name of after.keys())
    if (!before.has(name))
      changes.push(ofSignature('signature-added', name, { old: null, new: name }, '/signatures'));
  const [oldDefault, newDefault] = [defaultSignature(old), defaultSignature(now)];
  if (oldDefault !== null && oldDefault !== newDefault && after.has(oldDefault))
    changes.push({
      ...ofSignature(
        'signature-default-changed',
        newDefault ?? '',
        { old: oldDefault, new: newDefault },
        '/signatures',
      ),
      subject: 'default',
      pointer: now.default === undefined ? '/signatures' : '/default',
      example: `POST /predict was ${oldDefault} and is ${newDefault ?? 'refused'} now`,
    });
  return changes;
}

const signaturesOf = (contract: Contract): Map<string, Signature> =>
  new Map(Object.entries(contract.signatures));

function ofSignature(
  ruleId: string,
  name: string,
  values: { old: string | null; new: string | null },
  oldPointer: string,
): Change {
  const rule = ruleOf(ruleId);
  const pointer = `/signatures/${pointerKey(name)}`;
  return {
    rule: rule.id,
    verdict: rule.verdict,
    subject: name,
    pointer,
    oldPointer,
    ...values,
    ...wording(rule, name, values),
  };
}

function signatureRemoved(name: string, signature: Signature, now: Contract): Change {
  const change = ofSignature(
    'signature-removed',
    name,
    { old: name, new: null },
    `/signatures/${pointerKey(name)}`,
  );
  const payload = signature.inputs ? buildPayload(signature.inputs, 'input', {}) : {};
  const refused = payload && admits(now, name, payload, 'input').length > 0;
  return {
    ...change,
    pointer: '/signatures',
    ...(refused && {
      example: shorten(payload, []),
      counterexample: { signature: name, direction: 'input', payload },
    }),
  };
}

function compareSignature(name: string, old: Signature, now: Signature, changes: Change[]): void {
  for (const side of ['inputs', 'outputs'] as const) {
    const [before, after] = [old[side], now[side]];
    const direction = side === 'inputs' ? 'input' : 'output';
    const pointer = `/signatures/${pointerKey(name)}/${side}`;
    const scene = (from: readonly Field[], to: readonly Field[]): Scene => ({
      signature: name,
      direction,
      old: from,
      new: to,
      sub: direction === 'input' ? from : to,
      sup: direction === 'input' ? to : from,
      changes,
    });
    const whole: Place = { path: '', top: null, pointer, oldPointer: pointer };
    if (before === null || after === null) {
      if (before !== after)
        record(scene([], []), before === null ? 'known' : 'unknown', whole, { old: null, new: null });
      continue;
    }
    const here = scene(before, after);
    compareMembers(here, before, after, whole, 0);
    const placeOf = memberPlaces(whole, before, after);
    compareTies(here, placeOf);
    if (direction === 'output') compareWithInputs(here, { old: old.inputs, new: now.inputs }, placeOf);
  }
}

/** Compares lists of fields: those of a side, or the members of a record. */
function compareMembers(
  scene: Scene,
  old: readonly Field[],
  now: readonly Field[],
  at: Place,
  depth: number,
): void {
  const oldNames = new Map(old.map((field) => [field.name, field]));
  const newNames = new Map(now.map((field) => [field.name, field]));
  const removed = old.filter((field) => !newNames.has(field.name));
  const added = now.filter((field) => !oldNames.has(field.name));
  const placeOf = memberPlaces(at, old, now);
  const place = (field: Field): Place => placeOf(field.name);

  if (!replaced(scene, old, now, removed, added, at)) {
    const [gone] = removed;
    const [fresh] = added;
    if (gone && fresh && removed.length === 1 && added.length === 1 && isRename(gone, fresh))
      record(scene, 'renamed', place(fresh), {
        old: JSON.stringify(gone.name),
        new: JSON.stringify(fresh.name),
        focus: [gone.name],
        paths: [place(gone).path, place(fresh).path],
      });
    else {
      for (const field of removed)
        record(scene, field.optional === true ? 'removed-optional' : 'removed', place(field), {
          old: showField(field),
          new: null,
        });
      for (const field of added)
        record(scene, field.optional === true ? 'added-optional' : 'added-required', place(field), {
          old: null,
          new: showField(field),
        });
    }
  }
  for (const after of now) {
    const before = oldNames.get(after.name);
    if (!before) continue;
    const here = place(after);
    if ((before.optional === true) !== (after.optional === true))
      record(scene, after.optional === true ? 'became-optional' : 'became-required', here, {
        old: before.optional === true ? 'optional' : 'required',
        new: after.optional === true ? 'optional' : 'required',
        choices: [{ without: new Set([here.path]) }],
      });
    compareNested(scene, before, after, here, depth);
  }
}

/** Deepest nesting of containers that is compared; contracts of users are no deeper. */
const MAX_DEPTH = 32;

function compareNested(
  scene: Scene,
  old: Omit<Field, 'name'>,
  now: Omit<Field, 'name'>,
  at: Place,
  depth: number,
): void {
  compareValue(scene, old, now, at, depth > 0);
  if (old.type !== now.type || old.type === null || !isContainer(old.type) || depth > MAX_DEPTH) return;
  const inner = (key: 'items' | 'values', from: ValueType | undefined, to: ValueType | undefined): void => {
    const unknown: ValueType = { type: null, shape: null };
    if (from || to) compareNested(scene, from ?? unknown, to ?? unknown, within(at, key), depth + 1);
  };
  if (old.type === 'sequence') inner('items', old.items, now.items);
  if (old.type === 'map') {
    const scalar = (keys: ScalarType | undefined): ValueType => ({ type: keys ?? null, shape: [] });
    if (old.keys !== now.keys)
      compareValue(scene, scalar(old.keys), scalar(now.keys), within(at, 'keys'), true);
    inner('values', old.values, now.values);
  }
  if (old.type !== 'record') return;
  if (old.fields && now.fields) {
    const members = within(at, 'fields');
    compareMembers(scene, old.fields, now.fields, { ...members, path: at.path }, depth + 1);
  } else if (old.fields || now.fields)
    record(scene, old.fields ? 'type-unknown' : 'type-known', at, {
      old: old.fields ? 'a record of known fields' : 'a record',
      new: now.fields ? 'a record of known fields' : 'a record',
    });
}

function within(at: Place, key: string): Place {
  return {
    path: `${at.path}.${key}`,
    top: at.top,
    pointer: `${at.pointer}/${key}`,
    oldPointer: `${at.oldPointer}/${key}`,
  };
}

/** Places of the members of two lists of fields, by name. */
function memberPlaces(at: Place, old: readonly Field[], now: readonly Field[]): (name: string) => Place {
  const indices = (fields: readonly Field[]) => new Map(fields.map((field, index) => [field.name, index]));
  const [before, after] = [indices(old), indices(now)];
  const pointer = (known: ReadonlyMap<string, number>, name: string, list: string): string => {
    const index = known.get(name);
    return index === undefined ? list : `${list}/${index}`;
  };
  return (name) => ({
    path: at.path === '' ? name : `${at.path}.${name}`,
    top: at.top ?? name,
    pointer: pointer(after, name, at.pointer),
    oldPointer: pointer(before, name, at.oldPointer),
  });
}

function showField(field: Field): string {
  return `${JSON.stringify(field.name)}${field.type === null ? '' : ` (${field.type})`}`;
}

/** Whether two fields differ by their names only. */
function isRename(old: Field, now: Field): boolean {
  const { name: _a, description: _b, ...before } = old;
  const { name: _c, description: _d, ...after } = now;
  return old.type !== null && canonicalJson(before) === canonicalJson(after);
}

/** Everything of a side replaced by other things is one change and not one for each of them. */
function replaced(
  scene: Scene,
  old: readonly Field[],
  now: readonly Field[],
  removed: readonly Field[],
  added: readonly Field[],
  at: Place,
): boolean {
  if (removed.length < old.length || added.length < now.length || removed.length === 0 || added.length === 0)
    return false;
  const [gone] = removed;
  const [fresh] = added;
  if (gone && fresh && removed.length === 1 && added.length === 1 && isRename(gone, fresh)) return false;
  const [was, is] = [kindOf(old), kindOf(now)];
  const edit =
    was === 'raw' && is === 'numbers'
      ? 'preprocessing-moved-out'
      : was === 'numbers' && is === 'raw'
        ? 'preprocessing-moved-in'
        : 'replaced';
  const prefix = at.path === '' ? '' : `${at.path}.`;
  const names = [...removed, ...added].map((field) => field.name);
  record(scene, edit, at, {
    old: showNames(old),
    new: showNames(now),
    focus: at.top === null ? names : [],
    paths: names.slice(0, 50).map((name) => prefix + name),
  });
  return true;
}

/** `raw`: text, bytes or times, as people have them; `numbers`: nothing but numbers. */
function kindOf(fields: readonly Field[]): 'raw' | 'numbers' | 'other' {
  if (fields.every((field) => field.type !== null && isNumeric(field.type))) return 'numbers';
  return fields.some((field) => ['string', 'bytes', 'datetime64'].includes(field.type ?? ''))
    ? 'raw'
    : 'other';
}

function isNumeric(type: string): boolean {
  return INTEGERS.has(type as ScalarType) || FLOATS.has(type as ScalarType);
}
