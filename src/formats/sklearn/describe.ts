import type { ScalarType } from '../../contract/types.ts';
import { Malformed, type Reading, type Remark } from '../format.ts';
import { type ToldSignature, tell } from '../told.ts';
import { arrayOf, stateOf } from '../wire/pickle/numpy.ts';
import { fullName, is, textOf, type Value } from '../wire/pickle/values.ts';
import { boosterOf } from './boosters.ts';
import { classesOf } from './classes.ts';
import { METHODS, plainEstimator } from './estimators.ts';
import { inputFields, inputOf } from './inputs.ts';
import { methodsOf } from './methods.ts';
import { bounded, child, itemsOf, MAX_DEPTH, type Obj, objectOf, steps } from './object.ts';
import { parametersOf } from './parameters.ts';
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
  if (!obj || arrayOf(root))
    return { ...reading, remarks: [...reading.remarks, notAnEstimator(root, base.path)] };
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
  const blank = unfittedIn(obj);
  if (blank)
    return { ...reading, properties, remarks: [...reading.remarks, unfittedRemark(blank, base.path)] };
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
  const signatures: Record<string, ToldSignature> = Object.create(null);
  for (const method of METHODS) {
    const outputs = methods[method];
    if (outputs) signatures[method] = { inputs, outputs };
  }
  const fallback = methods.predict ? 'predict' : (METHODS.find((method) => methods[method]) ?? 'predict');
  const { contract, evidence } = tell(signatures, fallback);
  const classes = classesOf(obj);
  const own = classes && !classes.multi && methods.predict ? (classes.each[0]?.labels ?? null) : null;
  const told = methods.predict_proba?.length === 1 ? methods.predict_proba[0]?.labels?.value : null;
  const labels = own ?? (methods.predict_proba ? (booster?.labels ?? told ?? null) : null);
  const priors = priorsOf(obj);
  return {
    ...reading,
    properties: { ...properties, ...(priors !== null && { priors }) },
    contract,
    evidence,
    features,
    labels,
    parameters: parametersOf(obj),
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

/** The estimator that would answer, where it was saved before it was fitted; `null` where nothing shows that. */
function unfittedIn(obj: Obj): Obj | null {
  let last = obj;
  for (let depth = 0; depth < MAX_DEPTH && last.name === 'Pipeline'; depth += 1) {
    const inner = steps(last).at(-1)?.obj;
    if (!inner) return null;
    last = inner;
  }
  if (!last.module.startsWith('sklearn')) return null;
  const kind = plainEstimator(last.name)?.kind;
  const learns = kind === 'classifier' || kind === 'regressor' || kind === 'clusterer' || kind === 'outlier';
  const names = stateOf(last.value)?.keys.map(textOf) ?? [];
  // What fitting finds out ends in an underscore; a few keep it from sight.
  const fitted = names.some((name) => name !== null && (name.endsWith('_') || /^_(fit|sparse)/.test(name)));
  return learns && names.length > 0 && !fitted ? last : null;
}

function unfittedRemark(obj: Obj, file: string): Remark {
  return {
    rule: 'contract-unknown',
    level: 'warning',
    file,
    subject: `${obj.module}.${obj.name}`,
    message: `the ${obj.name} was saved before it was fitted, so it cannot answer anything`,
    help: 'Call fit, and save the model again.',
  };
}

function notAnEstimator(root: Value, file: string): Remark {
  const parts = is(root, 'dict') ? root.values : (itemsOf(root) ?? []);
  const keys = is(root, 'dict') ? root.keys.map(textOf) : [];
  const found = parts.slice(0, 100).flatMap((one, index) => {
    const inner = arrayOf(one) ? null : objectOf(one, '');
    const key = keys[index];
    return inner ? [key ? `${key}: ${inner.name}` : inner.name] : [];
  });
  const listed = [...new Set(found)];
  const shown = `${listed.slice(0, 10).join(', ')}${listed.length > 10 ? ', …' : ''}`;
  const message =
    found.length > 0
      ? `it holds ${kindOf(root)} of ${parts.length} ${parts.length === 1 ? 'object' : 'objects'} (${shown}), and nothing says which is the model`
      : `it holds ${kindOf(root)} and no model`;
  return {
    rule: 'contract-unknown',
    level: 'warning',
    file,
    message,
    help: `Save the one model (or a Pipeline of all steps), or write a contract.yaml beside it, such as\n${snippet()}`,
  };
}

function kindOf(root: Value): string {
  if (arrayOf(root)) return 'an array';
  if (root === null) return 'None';
  if (typeof root !== 'object') return `a ${typeof root}`;
  if (is(root, 'global')) return `a function or class (${fullName(root)})`;
  return root.kind === 'call' ? 'an object' : `a ${root.kind}`;
}
