import type { ScalarType } from '../../contract/types.ts';
import { Malformed, type Reading, type Remark } from '../format.ts';
import { type ToldSignature, tell } from '../told.ts';
import { is, type Value } from '../wire/pickle/values.ts';
import { boosterOf } from './boosters.ts';
import { classesOf } from './classes.ts';
import { METHODS } from './estimators.ts';
import { inputFields, inputOf } from './inputs.ts';
import { methodsOf } from './methods.ts';
import { bounded, child, itemsOf, MAX_DEPTH, type Obj, objectOf, steps } from './object.ts';
import { priorsOf } from './priors.ts';
import { versionOf } from './versions.ts';

/** What the root of a pickle says about the model that it is. */
export function describe(base: Reading, root: Value, usesSklearn: boolean, python2 = false): Reading {
  try {
    return bounded(() => describeRoot(base, root, usesSklearn), python2);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    // What was found about danger stays.
    const remark: Remark = {
      rule: 'file-malformed',
      level: 'error',
      file: base.path,
      message: error.message,
      help: 'Save the model again; if it loads, report this file to Lading.',
    };
    return { ...base, risk: base.risk === 'none' ? 'review' : base.risk, remarks: [...base.remarks, remark] };
  }
}

function describeRoot(base: Reading, root: Value, usesSklearn: boolean): Reading {
  const obj = objectOf(root, '');
  const version = versionOf(root);
  const framework = usesSklearn ? { name: 'scikit-learn', version } : null;
  const booster = obj && boosterOf(obj);
  const reading: Reading = booster
    ? {
        ...base,
        framework: booster.framework,
        requirements: { ...base.requirements, ...booster.requirements },
      }
    : { ...base, framework, format: usesSklearn ? base.format : 'pickle' };
  if (!obj) return { ...reading, remarks: [...reading.remarks, notAnEstimator(root, base.path)] };
  const properties = { ...base.properties, class: `${obj.module}.${obj.name}` };
  // A booster without scikit-learn's interface around it answers as it does from a file of its own.
  if (booster && obj.name === 'Booster')
    return {
      ...reading,
      properties: { ...booster.properties, ...properties },
      contract: booster.contract,
      evidence: booster.evidence,
      features: booster.features,
    };
  const methods = methodsOf(obj);
  const input = inputOf(obj);
  const features = input.kind === 'matrix' ? input.names.value : null;
  if (methods === null || Object.keys(methods).length === 0)
    return {
      ...reading,
      properties,
      features: methods === null ? null : features,
      remarks: [
        ...reading.remarks,
        unknownClass(methods === null ? strangerIn(obj) : obj, base.path, methods !== null),
      ],
    };
  const inputs = inputFields(input);
  const signatures: Record<string, ToldSignature> = {};
  for (const method of METHODS) {
    const outputs = methods[method];
    if (outputs) signatures[method] = { inputs, outputs };
  }
  const fallback = methods.predict ? 'predict' : (METHODS.find((method) => methods[method]) ?? 'predict');
  const { contract, evidence } = tell(signatures, fallback);
  const classes = classesOf(obj);
  const own = classes && !classes.multi && methods.predict ? (classes.each[0]?.labels ?? null) : null;
  const labels = own ?? (methods.predict_proba ? (booster?.labels ?? null) : null);
  const priors = priorsOf(obj);
  return {
    ...reading,
    properties: { ...properties, ...(priors !== null && { priors }) },
    contract,
    evidence,
    features,
    labels,
  };
}

const TYPE_HINT: ScalarType = 'float64';

/** The lines to put into contract.yaml where the file does not tell. */
function snippet(): string {
  return [
    'contract: v1',
    'signatures:',
    '  predict:',
    '    inputs:',
    `      - {name: X, type: ${TYPE_HINT}, shape: [batch, 4]}`,
    '    outputs:',
    '      - {name: prediction, type: float64, shape: [batch]}',
  ].join('\n');
}

/** The object inside whose methods are not known: wrappers are as unknown as what they wrap. */
function strangerIn(obj: Obj): Obj {
  let current = obj;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const last = steps(current).at(-1)?.obj;
    const inner = last ?? child(current, 'best_estimator_') ?? child(current, 'estimator_');
    if (!inner || methodsOf(inner) !== null) break;
    current = inner;
  }
  return current;
}

function unknownClass(obj: Obj, file: string, known: boolean): Remark {
  const name = `${obj.module}.${obj.name}`;
  return {
    rule: 'contract-unknown',
    level: 'warning',
    file,
    subject: name,
    message: known
      ? `${name} cannot be asked about new data: it has no predict and no transform`
      : `${name} is no class whose methods Lading knows, so the file does not tell the contract`,
    help: `Write a contract.yaml beside it, such as\n${snippet()}`,
  };
}

function notAnEstimator(root: Value, file: string): Remark {
  const parts = is(root, 'dict') ? root.values : (itemsOf(root) ?? []);
  const names = parts.slice(0, 100).flatMap((one) => {
    const inner = objectOf(one, '');
    return inner ? [inner.name] : [];
  });
  const kind = root === null ? 'None' : typeof root === 'object' ? `a ${root.kind}` : `a ${typeof root}`;
  return {
    rule: 'contract-unknown',
    level: 'warning',
    file,
    message:
      names.length > 0
        ? `it holds ${kind} of ${parts.length} objects (${[...new Set(names)].slice(0, 5).join(', ')}), and nothing says which is the model`
        : `it holds ${kind} and no model`,
    help: `Save the one model (or a Pipeline of all steps), or write a contract.yaml beside it, such as\n${snippet()}`,
  };
}
