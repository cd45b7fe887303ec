import { argsOf, attribute } from '../wire/pickle/numpy.ts';
import { is, textOf, type Value } from '../wire/pickle/values.ts';
import type { Obj } from './object.ts';

/** NumPy's functions of one array that work on each element: as many columns come out, and floats stay floats. */
const ELEMENTWISE = new Set(
  `log log1p log2 log10 exp expm1 exp2 sqrt square abs absolute fabs sin cos tan sinh cosh tanh arcsin arccos arctan
  arcsinh arctanh cbrt reciprocal negative sign floor ceil rint trunc degrees radians nan_to_num`.split(
    /\s+/,
  ),
);

/** Whether the function of a FunctionTransformer gives as many columns as it gets, floats for floats. */
export function keepsColumns(func: Value | undefined): boolean {
  if (func === null) return true;
  if (is(func, 'global')) return func.module.split('.')[0] === 'numpy' && ELEMENTWISE.has(func.name);
  // Older NumPy: _ufunc_reconstruct('numpy', 'log1p'), or whichever module has it under that name too.
  if (!is(func, 'call') || !is(func.callee, 'global') || func.callee.name !== '_ufunc_reconstruct')
    return false;
  const [module, name] = argsOf(func).map(textOf);
  return /^(numpy|scipy)\b/.test(module ?? '') && ELEMENTWISE.has(name ?? '');
}

/** Whether it hands on what it gets: since 1.4 that is how `passthrough` is kept. */
export const passes = (obj: Obj): boolean =>
  obj.name === 'FunctionTransformer' && attribute(obj.value, 'func') === null;
