import { elementTest } from './admits.ts';
import { type Place, record, type Scene, showLabels, showRange, showShape } from './change.ts';
import { effectiveShape, isContainer, type LabelRole, labelRole } from './labels.ts';
import { inexactValues, type TypeRelation, typeRelation } from './relation.ts';
import { FLOATS, INTEGERS, scalarProblem } from './scalars.ts';
import type { Dimension, Field, Label, ScalarType, Shape } from './types.ts';
import { type Choices, elements, listedValues, strangeElement } from './witness.ts';

type Value = Omit<Field, 'name'>;

/** Compares how elements and axes of one field may look; what is inside containers is left to the caller. */
export function compareValue(scene: Scene, from: Value, to: Value, place: Place, inside: boolean): void {
  const before = scene.changes.length;
  const sameType = compareType(scene, from, to, place);
  compareShape(scene, effectiveShape(from), effectiveShape(to), place, inside);
  if (from.type !== null && to.type !== null && isContainer(from.type) !== isContainer(to.type)) return;
  if (sameType) {
    if (scene.direction === 'input') compareListed(scene, from, to, place);
    else compareLabels(scene, from, to, place);
    compareRange(scene, from, to, place);
  }
  compareProfile(scene, from, to, place);
  if ((from.type === null) !== (to.type === null) || (from.type !== null && isContainer(from.type))) return;
  // Whatever the single rules did not see: no element that only one side admits goes without a finding.
  const own = scene.changes.slice(before);
  if (own.some((change) => change.verdict === 'breaking' && !/-(rank|dimension)-/.test(change.rule))) return;
  const strange = strangeOf(scene, from, to);
  if (strange === undefined) return;
  record(scene, 'values-changed', place, {
    old: showElements(from, scene),
    new: showElements(to, scene),
    choices: [{ elements: new Map([[place.path, strange]]) }],
    ifProved: true,
  });
}

function strangeOf(scene: Scene, from: Value, to: Value): unknown {
  return scene.direction === 'input' ? strangeElement(from, to, 'input') : strangeElement(to, from, 'output');
}

function showElements(value: Value, scene: Scene): string {
  const listed = listedValues(value, scene.direction) ?? value.labels;
  return listed ? `${value.type ?? 'values'} of ${showLabels(listed)}` : (value.type ?? 'any value');
}

/** Returns whether the elements are of one type, so that what limits them can be compared. */
function compareType(scene: Scene, from: Value, to: Value, place: Place): boolean {
  if (from.type === to.type) return true;
  const given = { old: from.type, new: to.type };
  if (from.type === null || to.type === null) {
    record(scene, from.type === null ? 'type-known' : 'type-unknown', place, given);
    return false;
  }
  if (isContainer(from.type) || isContainer(to.type)) {
    record(scene, 'type-changed', place, given);
    return false;
  }
  const relation = typeRelation(from.type, to.type);
  const [sub, sup] = scene.direction === 'input' ? [from, to] : [to, from];
  const numeric = isNumeric(from.type) && isNumeric(to.type);
  if (scene.direction === 'input' ? relation === 'widened-lossy' : relation === 'narrowed-lossy') {
    lossy(scene, relation, sub, sup, place, given);
    return true;
  }
  const foreign = elements(sub, sup, scene.direction).filter(
    (value) => scalarProblem(sup.type as ScalarType, value) !== null,
  );
  const meaning = textMeaning(from.type, to.type);
  record(scene, relation === 'same' ? 'type-changed' : `type-${relation}`, place, {
    ...given,
    choices: foreign.slice(0, 3).map((value) => ({ elements: new Map([[place.path, value]]) })),
    exact: numeric,
    ...(foreign.length === 0 && meaning !== null && { meaning }),
  });
  return true;
}

function isNumeric(type: ScalarType): boolean {
  return INTEGERS.has(type) || FLOATS.has(type) || type.startsWith('complex');
}

/** Everything is admitted, but some of it is rounded: unless no such value is among those that may come. */
function lossy(
  scene: Scene,
  relation: TypeRelation,
  sub: Value,
  sup: Value,
  place: Place,
  given: { old: string | null; new: string | null },
): void {
  const [wide, narrow] = [sup.type as ScalarType, sub.type as ScalarType];
  const rounded = inexactValues(wide, narrow).find(elementTest(sub, scene.direction));
  const complex = wide.startsWith('complex');
  if (rounded === undefined && !complex) {
    // All values that are possible are held exactly: as good as lossless.
    record(scene, relation === 'widened-lossy' ? 'type-widened' : 'type-narrowed', place, given);
    return;
  }
  record(scene, `type-${relation}`, place, {
    ...given,
    ...(rounded !== undefined && { example: `${rounded} is rounded as ${wide}` }),
  });
}

/** All of them are JSON strings, and what they stand for differs. */
function textMeaning(from: ScalarType, to: ScalarType): string | null {
  const text = new Set<ScalarType>(['string', 'bytes', 'datetime64']);
  if (!text.has(from) || !text.has(to)) return null;
  const what = (type: ScalarType) =>
    type === 'bytes' ? 'the bytes "hi"' : type === 'string' ? 'the text "aGk="' : 'a time';
  const sample = from === 'datetime64' || to === 'datetime64' ? '"2024-01-31T00:00:00Z"' : '"aGk="';
  return `${sample} was ${what(from)} and is ${from === 'datetime64' ? 'a text' : what(to)} now`;
}

function compareShape(
  scene: Scene,
  from: Shape | null,
  to: Shape | null,
  place: Place,
  inside: boolean,
): void {
  const given = { old: showShape(from), new: showShape(to) };
  if (from === null || to === null) {
    if (from !== to) record(scene, from === null ? 'rank-known' : 'rank-unknown', place, given);
    return;
  }
  if (from.length !== to.length) {
    record(scene, 'rank-changed', place, given);
    return;
  }
  const [sub] = scene.direction === 'input' ? [from, to] : [to, from];
  const edits = new Map<string, Choices[]>();
  from.forEach((old, axis) => {
    const now = to[axis] ?? null;
    if (old === now || (typeof old !== 'number' && typeof now !== 'number')) return;
    const edit =
      typeof old !== 'number'
        ? 'dimension-fixed'
        : typeof now !== 'number'
          ? 'dimension-freed'
          : 'dimension-changed';
    const fixed = typeof now === 'number' && typeof old !== 'number' ? now : Number(old);
    const choices: Choices = {
      sizes: new Map([[axisKey(sub[axis] ?? null, place.path, axis, inside), fixed + 1]]),
    };
    edits.set(edit, [...(edits.get(edit) ?? []), choices]);
  });
  for (const [edit, choices] of edits) record(scene, edit, place, { ...given, choices });
}

/** How `Choices` calls the size of an axis. */
export function axisKey(dimension: Dimension, path: string, axis: number, inside: boolean): string {
  return typeof dimension === 'string' && !inside ? dimension : `${path}/${axis}`;
}

/** Values that are listed, by value: categories, and labels that outputs give themselves. */
function compareListed(scene: Scene, from: Value, to: Value, place: Place): void {
  const [old, now] = [listedValues(from, scene.direction), listedValues(to, scene.direction)];
  const oldSet = new Set(old ?? []);
  const newSet = new Set(now ?? []);
  const [sub, sup] = scene.direction === 'input' ? [from, to] : [to, from];
  const strange = strangeElement(sub, sup, scene.direction);
  const other = strange === undefined ? [] : [{ elements: new Map([[place.path, strange]]) }];
  if (old && now) {
    const added = [...newSet].filter((label) => !oldSet.has(label));
    const removed = [...oldSet].filter((label) => !newSet.has(label));
    const pick = (labels: readonly Label[]) =>
      labels.slice(0, 3).map((v) => ({ elements: new Map([[place.path, v]]) }));
    if (added.length > 0)
      record(scene, 'values-added', place, {
        old: null,
        new: showLabels(added),
        choices: pick(added),
        exact: true,
      });
    if (removed.length > 0)
      record(scene, 'values-removed', place, {
        old: showLabels(removed),
        new: null,
        choices: pick(removed),
        exact: true,
      });
  } else if (now)
    record(scene, 'values-listed', place, {
      old: null,
      new: showLabels(now),
      choices: other,
      exact: from.type !== null,
    });
  else if (old)
    record(scene, 'values-unlisted', place, {
      old: showLabels(old),
      new: null,
      choices: other,
      exact: from.type !== null,
    });
}

/** Labels of outputs: by value where they are the values, by position where entries stand for them. */
function compareLabels(scene: Scene, from: Value, to: Value, place: Place): void {
  const [oldRole, newRole] = [labelRole(from), labelRole(to)];
  if (oldRole !== newRole && oldRole !== null && newRole !== null) {
    const [old, now] = [from.labels ?? [], to.labels ?? []];
    if (old.length !== now.length || old.some((label, index) => label !== now[index]))
      positions(scene, oldRole === 'index' || newRole === 'index' ? 'index' : 'open', old, now, place);
    return;
  }
  const role = oldRole ?? newRole;
  const [old, now] = [from.labels, to.labels];
  if (role === null || role === 'values') {
    compareListed(scene, from, to, place);
    const reordered = old && now && isReordered(old, now);
    if (reordered && scene.new.some((field) => isPositional(field, now.length)))
      record(scene, 'labels-order-changed', place, { old: showLabels(old), new: showLabels(now) });
  } else if (!old || !now) {
    const listed = role === 'index';
    const edit = `${listed ? 'values' : 'labels'}-${old ? (listed ? 'unlisted' : 'unknown') : listed ? 'listed' : 'known'}`;
    const strange = strangeElement(to, from, 'output');
    record(scene, edit, place, {
      old: old ? showLabels(old) : null,
      new: now ? showLabels(now) : null,
      choices: [{ elements: new Map([[place.path, strange]]) }],
      exact: true,
    });
  } else positions(scene, role, old, now, place);
}

function positions(
  scene: Scene,
  role: Exclude<LabelRole, 'values'>,
  old: readonly Label[],
  now: readonly Label[],
  place: Place,
): void {
  const index = old.findIndex((label, i) => i < now.length && label !== now[i]);
  if (index !== -1) {
    const what = role === 'index' ? `the value ${index}` : `entry ${index}`;
    const moved = now.includes(old[index] as Label) || old.includes(now[index] as Label);
    record(scene, moved ? 'labels-reordered' : 'labels-renamed', place, {
      old: showLabels(old),
      new: showLabels(now),
      meaning: `${what} of ${JSON.stringify(place.path)} meant ${JSON.stringify(old[index])} and means ${JSON.stringify(now[index])} now`,
    });
  }
  // One score more or less is a change of the shape, which has a rule of its own.
  if (role === 'scores') return;
  if (now.length > old.length)
    record(scene, 'values-added', place, {
      old: null,
      new: showLabels(now.slice(old.length)),
      choices: [{ elements: new Map([[place.path, old.length]]) }],
    });
  else if (now.length < old.length && role === 'index')
    record(scene, 'values-removed', place, { old: showLabels(old.slice(now.length)), new: null });
}

function isReordered(old: readonly Label[], now: readonly Label[]): boolean {
  const known = new Set(old);
  return (
    old.length === now.length &&
    old.some((label, i) => label !== now[i]) &&
    now.every((label) => known.has(label))
  );
}

/** Whether an output without labels has, or may have, one entry for each of `count` labels. */
function isPositional(field: Field, count: number): boolean {
  const last = field.shape?.at(-1);
  return (
    field.labels === undefined &&
    field.type !== null &&
    FLOATS.has(field.type as ScalarType) &&
    last === count
  );
}

function compareRange(scene: Scene, from: Value, to: Value, place: Place): void {
  const [old, now] = [from.range ?? {}, to.range ?? {}];
  const low = (range: typeof old) => range.min ?? Number.NEGATIVE_INFINITY;
  const high = (range: typeof old) => range.max ?? Number.POSITIVE_INFINITY;
  const [sub, sup] = scene.direction === 'input' ? [from, to] : [to, from];
  const strange = strangeElement(sub, sup, scene.direction);
  const given = {
    old: showRange(from.range),
    new: showRange(to.range),
    choices: strange === undefined ? [] : [{ elements: new Map([[place.path, strange]]) }],
    exact: true,
  };
  if (low(now) < low(old) || high(now) > high(old)) record(scene, 'range-widened', place, given);
  if (low(now) > low(old) || high(now) < high(old)) record(scene, 'range-narrowed', place, given);
}

function compareProfile(scene: Scene, from: Value, to: Value, place: Place): void {
  if (from.profile !== undefined && to.profile !== undefined && from.profile !== to.profile)
    record(scene, 'profile-changed', place, { old: from.profile, new: to.profile });
}
