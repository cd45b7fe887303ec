import { COMPLEX, FLOATS, INTEGERS } from './scalars.ts';
import type { ScalarType } from './types.ts';

/**
 * How a scalar type changed. `widened`: the new one holds every value of the old one exactly; `widened-lossy`:
 * it takes every one, but rounds some; `narrowed` and `narrowed-lossy` the other way round; `changed`: neither.
 */
export type TypeRelation = 'same' | 'widened' | 'widened-lossy' | 'narrowed' | 'narrowed-lossy' | 'changed';

export function typeRelation(from: ScalarType, to: ScalarType): TypeRelation {
  if (from === to) return 'same';
  const [wider, narrower] = [takes(to, from), takes(from, to)];
  if (wider && exact(to, from)) return 'widened';
  if (narrower && exact(from, to)) return 'narrowed';
  if (wider) return 'widened-lossy';
  return narrower ? 'narrowed-lossy' : 'changed';
}

/** Whether `wide` admits every JSON value that `narrow` admits, and both are numbers. */
function takes(wide: ScalarType, narrow: ScalarType): boolean {
  const [wideInteger, narrowInteger] = [INTEGERS.get(wide), INTEGERS.get(narrow)];
  const [wideFloat, narrowFloat] = [FLOATS.get(wide), FLOATS.get(narrow)];
  if (wideInteger && narrowInteger)
    return wideInteger[0] <= narrowInteger[0] && narrowInteger[1] <= wideInteger[1];
  // The only type without zero and negative numbers.
  if (wide === 'float8_e8m0fnu') return false;
  if (wideFloat && narrowInteger)
    return -wideFloat.limit < narrowInteger[0] && narrowInteger[1] < wideFloat.limit;
  if (wideFloat && narrowFloat) return narrowFloat.limit <= wideFloat.limit;
  const [widePart, narrowPart] = [COMPLEX.get(wide), COMPLEX.get(narrow)];
  return widePart !== undefined && narrowPart !== undefined && takes(widePart, narrowPart);
}

/** Whether every value of `narrow` is one of `wide`, to the last bit. */
function exact(wide: ScalarType, narrow: ScalarType): boolean {
  const [wideFloat, narrowFloat] = [FLOATS.get(wide), FLOATS.get(narrow)];
  const narrowInteger = INTEGERS.get(narrow);
  if (wideFloat && narrowInteger) {
    const limit = 2n ** BigInt(wideFloat.precision);
    return -limit <= narrowInteger[0] && narrowInteger[1] <= limit;
  }
  if (wideFloat && narrowFloat) {
    const lowest = (float: typeof wideFloat) => float.exponents[0] - (float.precision - 1);
    return (
      narrowFloat.precision <= wideFloat.precision &&
      narrowFloat.exponents[1] <= wideFloat.exponents[1] &&
      lowest(wideFloat) <= lowest(narrowFloat)
    );
  }
  const [widePart, narrowPart] = [COMPLEX.get(wide), COMPLEX.get(narrow)];
  return widePart === undefined || narrowPart === undefined || exact(widePart, narrowPart);
}

/** Values of `narrow` that `wide` rounds, the plainest first: for showing what a lossy change loses. */
export function inexactValues(wide: ScalarType, narrow: ScalarType): (number | bigint)[] {
  const precision = FLOATS.get(wide)?.precision;
  const own = FLOATS.get(narrow)?.precision;
  if (precision === undefined) return [];
  const integer = 2n ** BigInt(precision) + 1n;
  const values: (number | bigint)[] = [precision >= 53 ? integer : Number(integer), -Number(integer)];
  return own !== undefined && own > precision ? [1 + 2 ** -(own - 1), ...values] : values;
}
