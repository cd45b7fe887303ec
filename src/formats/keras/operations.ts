import { entryOf } from '../../model/entry.ts';
import { operationOf, REDUCING } from './operation-calls.ts';
import { RULES, reducing, together } from './operation-rules.ts';
import { broadcast, type Call, type Tensor } from './values.ts';

const UNARY = new Set(
  `relu relu6 sigmoid softmax logsoftmax tanh softplus softsign silu swish gelu elu selu leakyrelu hardsigmoid hardsilu hardtanh
  exp expm1 log log1p log2 log10 sqrt rsqrt square absolute negative sign sin cos tan sinh cosh arcsin arccos arctan erf floor
  ceil round rint clip normalize unitnormalize identity stopgradient reciprocal flip roll cumsum cumprod nantonum tril triu celu glu
  sparseplus squareplus threshold softshrink hardshrink tanhshrink sparsesigmoid sparsemax zeroslike oneslike reverse sort
  ensureshape checknumerics copy layernormalization l2loss rmsnormalization batchnormalization logsigmoid mishlike mish`.split(
    /\s+/,
  ),
);
const BINARY = new Set(
  `add subtract multiply truedivide floordivide mod power maximum minimum squareddifference arctan2 where logaddexp hypot`.split(
    /\s+/,
  ),
);
const COMPARING = new Set(
  'greater greaterequal less lessequal equal notequal logicaland logicalor logicalnot logicalxor isnan isinf isfinite isclose'.split(
    ' ',
  ),
);

/** What a function in the graph returns; `null` for layers. */
export function operation(call: Call): readonly Tensor[] | null {
  const parsed = operationOf(call);
  if (!parsed) return null;
  const { name, inputs } = parsed;
  const shapes = inputs.map((input) => input.shape);
  const unknown: Tensor = {
    shape: null,
    type: null,
    why: `what ${call.layer.className} "${name}" returns is not known`,
  };
  if (inputs.length === 0) return [unknown];
  if (UNARY.has(name)) return [{ shape: shapes[0] ?? null, type: together(parsed) }];
  if (BINARY.has(name)) {
    const values =
      name === 'where' ? { ...parsed, inputs: inputs.filter((input) => input.type !== 'bool') } : parsed;
    return [{ shape: broadcast(shapes), type: values.inputs.length > 0 ? together(values) : null }];
  }
  if (COMPARING.has(name)) return [{ shape: broadcast(shapes), type: 'bool' }];
  const rule = REDUCING.has(name) ? reducing : entryOf(RULES, name);
  const out = rule?.(parsed) ?? unknown;
  return Array.isArray(out) ? out : [out as Tensor];
}
