import { type Place, record, type Scene } from './change.ts';
import { axisKey } from './compare-values.ts';
import { effectiveShape } from './labels.ts';
import type { Dimension, Field } from './types.ts';
import type { Choices } from './witness.ts';

interface Axis {
  readonly field: string;
  readonly axis: number;
  readonly size: Dimension;
  /** The same axis in the other contract; `undefined` where that has no such axis. */
  readonly other: Dimension | undefined;
}

/**
 * Names that tie axes together: equal names are equal sizes. Finds axes that are tied in the new contract and were
 * not in the old one, and the reverse. Names themselves do not matter, only what they tie.
 */
export function compareTies(scene: Scene, placeOf: (name: string) => Place): void {
  report(scene, scene.new, scene.old, 'dimension-tied', placeOf);
  report(scene, scene.old, scene.new, 'dimension-untied', placeOf);
}

function report(
  scene: Scene,
  tying: readonly Field[],
  other: readonly Field[],
  edit: 'dimension-tied' | 'dimension-untied',
  placeOf: (name: string) => Place,
): void {
  const others = new Map(other.map((field) => [field.name, effectiveShape(field)]));
  const groups = new Map<string, Axis[]>();
  for (const field of tying) {
    const shape = effectiveShape(field);
    const match = others.get(field.name);
    const comparable = match !== undefined && match !== null && match.length === shape?.length;
    shape?.forEach((size, axis) => {
      if (typeof size !== 'string') return;
      const at: Axis = {
        field: field.name,
        axis,
        size,
        other: comparable ? (match[axis] ?? null) : undefined,
      };
      groups.set(size, [...(groups.get(size) ?? []), at]);
    });
  }
  for (const [name, axes] of groups) {
    const known = axes.filter((axis) => axis.other !== undefined);
    const [first, ...rest] = known;
    if (!first) continue;
    const loose = rest.filter((axis) => !tied(first, axis));
    const [second] = loose;
    if (!second) continue;
    const shown = [first, ...loose]
      .slice(0, 4)
      .map((axis) => `${JSON.stringify(axis.field)} axis ${axis.axis}`);
    const text = `${shown.join(', ')}${loose.length > 3 ? ', …' : ''}`;
    record(scene, edit, placeOf(second.field), {
      old: edit === 'dimension-untied' ? text : name,
      new: edit === 'dimension-tied' ? text : name,
      focus: loose.slice(0, 3).flatMap((axis) => [first.field, axis.field]),
      paths: [...new Set(loose.slice(0, 3).flatMap((axis) => [axis.field, first.field]))],
      choices: loose.slice(0, 3).map((axis) => different(first, axis)),
    });
  }
}

/** Whether the other contract makes the two sizes equal, too. */
function tied(a: Axis, b: Axis): boolean {
  return a.other !== null && a.other === b.other;
}

/** Sizes of the other contract that differ on the two axes. */
function different(a: Axis, b: Axis): Choices {
  const sizes = new Map<string, number>();
  const key = (axis: Axis) => axisKey(axis.other ?? null, axis.field, axis.axis, false);
  if (typeof a.other === 'number' && typeof b.other !== 'number') sizes.set(key(b), a.other + 1);
  else if (typeof b.other === 'number' && typeof a.other !== 'number') sizes.set(key(a), b.other + 1);
  else if (typeof a.other !== 'number') sizes.set(key(b), 2);
  return { sizes };
}

/**
 * Outputs of the size of an input's axis, such as one prediction a row: whether they still are. Payloads of one
 * direction cannot show it, and names of axes are often made up by exporters, so it is no break.
 */
export function compareWithInputs(
  scene: Scene,
  inputs: { readonly old: readonly Field[] | null; readonly new: readonly Field[] | null },
  placeOf: (name: string) => Place,
): void {
  if (!inputs.old || !inputs.new) return;
  const names = (fields: readonly Field[]) =>
    new Set(fields.flatMap((field) => field.shape ?? []).filter(isName));
  const [oldNames, newNames] = [names(inputs.old), names(inputs.new)];
  const before = new Map(scene.old.map((field) => [field.name, effectiveShape(field)]));
  for (const field of scene.new) {
    const [old, now] = [before.get(field.name), effectiveShape(field)];
    if (!old || !now || old.length !== now.length) continue;
    const axis = old.findIndex((size, i) => {
      const next = now[i] ?? null;
      if (typeof size === 'number' || typeof next === 'number') return false;
      return (isName(size) && oldNames.has(size)) !== (isName(next) && newNames.has(next));
    });
    if (axis === -1) continue;
    const was = old[axis];
    const edit = isName(was) && oldNames.has(was) ? 'dimension-untied-from-input' : 'dimension-tied-to-input';
    record(scene, edit, placeOf(field.name), { old: String(was), new: String(now[axis]) });
  }
}

function isName(size: Dimension | undefined): size is string {
  return typeof size === 'string';
}
