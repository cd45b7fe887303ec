import type { ScalarType } from '../contract/types.ts';
import { openFile } from '../model/bytes.ts';
import type { ModelFile } from '../model/walk.ts';
import type { Candidate, Format, Reading, Remark } from './format.ts';
import { boosterOf } from './sklearn/boosters.ts';
import { classesOf } from './sklearn/classes.ts';
import { METHODS } from './sklearn/estimators.ts';
import { inputFields, inputOf } from './sklearn/inputs.ts';
import { methodsOf } from './sklearn/methods.ts';
import { itemsOf, type Obj, objectOf } from './sklearn/object.ts';
import { requirementsOf, versionOf } from './sklearn/versions.ts';
import { type ToldSignature, tell } from './told.ts';
import { compressionOf, openStream } from './wire/decompress.ts';
import { assess } from './wire/pickle/policy.ts';
import { type PickleResult, readPickle } from './wire/pickle/read.ts';
import { is, type Value } from './wire/pickle/values.ts';

const ENDING = /\.(pkl|pickle|joblib|sav|p|pk|dump|model|bin|gz|bz2|xz|lzma|lz4|z|zst|dat)$/i;
/** `torch.save` before zip files begins with this number, pickled; that file is another format's. */
const TORCH_LEGACY = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** Pickles and joblib files: scikit-learn's are read, others are looked at for danger. */
export const sklearn: Format = {
  id: 'sklearn',
  title: 'scikit-learn (pickle, joblib)',
  detect(look) {
    return look.directory.files
      .filter((file) => isPickle(file, look.head(file)))
      .map((file) => candidate(file));
  },
  async read(given, look) {
    const file = look.file(given.path);
    if (!file) throw new Error(`${given.path} is not in the directory`);
    return readFile(given, file);
  },
};

function candidate(file: ModelFile): Candidate {
  return { format: 'sklearn', path: file.path, role: 'model', covers: [] };
}

function isPickle(file: ModelFile, head: Uint8Array): boolean {
  if (head.length < 2) return false;
  const [first = 0, second = 0] = head;
  if (first === 0x80 && second <= 5) return !TORCH_LEGACY.equals(head.subarray(2, 14));
  const named = ENDING.test(file.path);
  if (!named) return false;
  if (compressionOf(head) !== null)
    return !/\.(nii|tar|tgz|rds|rdata|csv|json|txt|npy)(\.|$)/i.test(file.path);
  return isTextPickle(head);
}

/** Protocols 0 and 1 have no magic: they begin with the global or the container of their root. */
function isTextPickle(head: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = head;
  // Protocol 1: an empty list or dict, put into the memo.
  if ((first === 0x5d || first === 0x7d) && second === 0x71 && third < 0x10) return true;
  const text = Buffer.from(head.subarray(0, 300)).toString('latin1');
  return /^\(?(?:[ic][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n|[ld]?p\d+\n)/.test(text);
}

async function readFile(given: Candidate, file: ModelFile): Promise<Reading> {
  using bytes = openFile(file.absolute);
  const { stream, compression } = openStream(bytes);
  let result: PickleResult;
  try {
    result = await readPickle(stream);
  } finally {
    stream.close();
  }
  const { risk, remarks } = await assess(result, { file: file.path });
  const root = result.values[0];
  const base: Reading = {
    format: 'sklearn',
    path: given.path,
    framework: null,
    contract: null,
    evidence: {},
    features: null,
    labels: null,
    parameters: null,
    properties: { ...(compression !== null && { compression }) },
    requirements: requirementsOf(result, compression),
    risk,
    remarks,
  };
  if (root === undefined) return base;
  return describe(base, root, result);
}

/** What the root of a pickle says about the model that it is. */
function describe(base: Reading, root: Value, result: PickleResult): Reading {
  const obj = objectOf(root, '');
  const version = versionOf(root);
  const usesSklearn = result.globals.some((use) => use.global.module.split('.')[0] === 'sklearn');
  const framework = usesSklearn ? { name: 'scikit-learn', version } : null;
  const booster = obj && boosterOf(obj);
  const reading: Reading = booster
    ? {
        ...base,
        framework: booster.framework,
        requirements: { ...base.requirements, ...booster.requirements },
      }
    : { ...base, framework };
  if (!obj) return { ...reading, remarks: [...reading.remarks, notAnEstimator(root, base.path)] };
  const properties = { ...base.properties, class: `${obj.module}.${obj.name}` };
  const methods = methodsOf(obj);
  if (methods === null || Object.keys(methods).length === 0)
    return {
      ...reading,
      properties,
      remarks: [...reading.remarks, unknownClass(obj, base.path, methods !== null)],
    };
  const input = inputOf(obj);
  const inputs = inputFields(input);
  const signatures: Record<string, ToldSignature> = {};
  for (const method of METHODS) {
    const outputs = methods[method];
    if (outputs) signatures[method] = { inputs, outputs };
  }
  const fallback = methods.predict ? 'predict' : (METHODS.find((method) => methods[method]) ?? 'predict');
  const { contract, evidence } = tell(signatures, fallback);
  const classes = classesOf(obj);
  const labels = classes && !classes.multi && methods.predict ? (classes.each[0]?.labels ?? null) : null;
  return {
    ...reading,
    properties,
    contract,
    evidence,
    features: input.kind === 'matrix' ? input.names.value : null,
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
