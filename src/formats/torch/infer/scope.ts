import type { Expression, Statement } from './parse.ts';
import { type Abstract, alike, cell, NotUnderstood, tensor, UNKNOWN } from './values.ts';

/** Names of a function's code, and what they stand for. */
export type Scope = Map<string, Abstract>;

/** What two branches have in common. */
export function joined(a: Abstract, b: Abstract): Abstract {
  if (a === b) return a;
  if (a.kind === 'tensor' && b.kind === 'tensor') {
    const type = alike(a.type, b.type) ? a.type : cell<never>();
    const other = b.shape;
    const shape =
      a.shape && other && a.shape.length === other.length
        ? a.shape.map((size, axis) => (other[axis] && alike(size, other[axis]) ? size : cell<number>()))
        : null;
    return tensor(type, shape);
  }
  if (a.kind === 'plain' && b.kind === 'plain' && a.value === b.value && a.whole === b.whole) return a;
  if (a.kind === 'size' && b.kind === 'size' && alike(a.size, b.size)) return a;
  if (a.kind === 'tuple' && b.kind === 'tuple' && a.items && a.items.length === b.items?.length)
    return { kind: 'tuple', items: a.items.map((one, index) => joined(one, b.items?.[index] ?? UNKNOWN)) };
  return UNKNOWN;
}

/** After a loop whose rounds are not known, what it assigns and the lists that it may change are not known. */
export function forget(statements: readonly Statement[], scope: Scope, depth: number): void {
  if (depth > 100) throw new NotUnderstood('loops nest too deeply');
  const touch = (one: Expression | null): void => {
    if (!one) return;
    if (one.kind === 'name') {
      const value = scope.get(one.name);
      if (value?.kind === 'list') value.items = null;
    } else if (one.kind === 'call') [one.callee, ...one.args, ...one.named.values()].forEach(touch);
    else if (one.kind === 'attribute') touch(one.of);
    else if (one.kind === 'index') [one.of, one.at].forEach(touch);
    else if (one.kind === 'list' || one.kind === 'tuple') one.items.forEach(touch);
    else if (one.kind === 'dict') [...one.keys, ...one.values].forEach(touch);
  };
  for (const one of statements) {
    if (one.kind === 'assign') {
      touch(one.value);
      for (const target of one.targets) if (target.kind === 'name') scope.set(target.name, UNKNOWN);
    } else if (one.kind === 'do' || one.kind === 'return') touch(one.value);
    else if (one.kind === 'if') {
      touch(one.test);
      forget(one.yes, scope, depth + 1);
      forget(one.no, scope, depth + 1);
    } else if (one.kind === 'loop') {
      touch(one.over);
      if (one.variable !== null) scope.set(one.variable, UNKNOWN);
      forget(one.body, scope, depth + 1);
    }
  }
}
