import { productOf, wholeOf } from './operands.ts';
import { type Abstract, alike, Impossible, plain, UNKNOWN } from './values.ts';

/* What the code does with sizes, numbers and lists. Source: torch/csrc/jit/runtime/register_prim_ops.cpp. */

/** Operators on sizes, numbers, lists and what is what; `null` for others. */
export function structure(name: string, args: readonly Abstract[]): Abstract | null {
  const [a, b] = args;
  const tensors = args.some((one) => one.kind === 'tensor');
  switch (name) {
    case 'size':
      if (a?.kind !== 'tensor' || !a.shape) return UNKNOWN;
      if (b === undefined) return { kind: 'list', items: a.shape.map((size) => ({ kind: 'size', size })) };
      return sizeAt(a.shape, wholeOf(b));
    case 'shape':
      return a?.kind === 'tensor' && a.shape
        ? { kind: 'list', items: a.shape.map((size) => ({ kind: 'size', size })) }
        : UNKNOWN;
    case 'len':
      if (a?.kind === 'tensor') return a.shape?.[0] ? { kind: 'size', size: a.shape[0] } : UNKNOWN;
      return (a?.kind === 'list' || a?.kind === 'tuple') && a.items ? plain(a.items.length) : UNKNOWN;
    case 'numel':
      return a?.kind === 'tensor' && a.shape && productOf(a.shape) !== null
        ? plain(productOf(a.shape))
        : UNKNOWN;
    case 'NumToTensor':
    case 'ImplicitTensorToNum':
    case 'Int':
    case 'unchecked_unwrap_optional':
    case '_unwrap_optional':
    case 'data':
    case 'ScalarImplicit':
    case 'IntImplicit':
      return a ?? UNKNOWN;
    case '__is__':
    case '__isnot__': {
      const none = (one: Abstract | undefined): boolean | null =>
        one === undefined || one.kind === 'unknown' ? null : one.kind === 'plain' && one.value === null;
      const [x, y] = [none(a), none(b)];
      if (x === null || y === null) return UNKNOWN;
      return plain((x === y) === (name === '__is__'));
    }
    case '__not__': {
      const value = truthOf(a);
      return value === null ? UNKNOWN : plain(!value);
    }
    case '__and__':
    case '__or__': {
      const [x, y] = [truthOf(a), truthOf(b)];
      if (tensors) return null;
      const decides = name === '__or__';
      if (x === decides || y === decides) return plain(decides);
      return x === null || y === null ? UNKNOWN : plain(!decides);
    }
    case '__contains__': {
      const [all, one] = [a?.kind === 'list' ? a.items?.map(wholeOf) : null, wholeOf(b)];
      return !all || one === null || all.includes(null) ? UNKNOWN : plain(all.includes(one));
    }
    case 'list':
      return a?.kind === 'list' ? { kind: 'list', items: a.items && [...a.items] } : UNKNOWN;
    case 'slice':
      if (a?.kind !== 'list' && a?.kind !== 'tuple') return null;
      return { kind: a.kind, items: part(a.items, args.slice(1)) };
    default:
      return tensors || args.length !== 2 ? null : numbers(name, a, b);
  }
}

function sizeAt(
  shape: readonly { value: number | null }[] & Extract<Abstract, { kind: 'tensor' }>['shape'],
  place: number | null,
): Abstract {
  if (place === null || !shape) return UNKNOWN;
  const size = shape[place < 0 ? place + shape.length : place];
  if (!size) throw new Impossible('an axis that is not there');
  return { kind: 'size', size };
}

function part(items: readonly Abstract[] | null, bounds: readonly Abstract[]): Abstract[] | null {
  const [from, to, step] = [0, 1, 2].map((at) => {
    const one = bounds[at];
    return one === undefined || (one.kind === 'plain' && one.value === null)
      ? [0, 2 ** 53, 1][at]
      : wholeOf(one);
  });
  if (!items || typeof from !== 'number' || typeof to !== 'number' || step !== 1) return null;
  return items.slice(from, to);
}

/** Arithmetic and comparison of numbers that are known. */
function numbers(name: string, a: Abstract | undefined, b: Abstract | undefined): Abstract | null {
  if (a?.kind === 'size' && b?.kind === 'size' && alike(a.size, b.size)) {
    if (name === 'eq') return plain(true);
    if (name === 'ne') return plain(false);
  }
  if (
    a?.kind === 'plain' &&
    b?.kind === 'plain' &&
    typeof a.value === 'string' &&
    typeof b.value === 'string'
  ) {
    if (name === 'eq') return plain(a.value === b.value);
    return name === 'ne' ? plain(a.value !== b.value) : null;
  }
  const [x, y] = [wholeOf(a), wholeOf(b)];
  if (x === null || y === null) return COMPUTED.has(name) ? UNKNOWN : null;
  switch (name) {
    case 'eq': return plain(x === y);
    case 'ne': return plain(x !== y);
    case 'lt': return plain(x < y);
    case 'le': return plain(x <= y);
    case 'gt': return plain(x > y);
    case 'ge': return plain(x >= y);
    case 'add': return plain(x + y);
    case 'sub': return plain(x - y);
    case 'mul': return plain(x * y);
    case 'floordiv': return y === 0 ? UNKNOWN : plain(Math.floor(x / y));
    case 'remainder': return y === 0 ? UNKNOWN : plain(((x % y) + y) % y);
    default: return null;
  } // biome-ignore format: a table
}
const COMPUTED = new Set([
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'add',
  'sub',
  'mul',
  'floordiv',
  'remainder',
  'div',
  'pow',
]);

export function truthOf(value: Abstract | undefined): boolean | null {
  return value?.kind === 'plain' && typeof value.value === 'boolean' ? value.value : null;
}
