import { type ModelFile, open } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { type ToldSignature, tell } from '../told.ts';
import { ASK_FOR_CONTRACT, precisions } from '../weights.ts';
import { argsOf, classOf, stateOf } from '../wire/pickle/numpy.ts';
import type { PickleResult } from '../wire/pickle/read.ts';
import { is, textOf, type Value } from '../wire/pickle/values.ts';
import { scanZip } from '../wire/scan.ts';
import { findEntry, openZip, type Zip } from '../wire/zip.ts';
import { torchArchive } from './archive.ts';
import { isMobile } from './heads.ts';
import type { Argument } from './infer/infer.ts';
import type { pickledModule } from './infer/module.ts';
import type { ObjectView } from './infer/values.ts';
import { pickleMember, textMember } from './members.ts';
import { isTorchScriptClass } from './policy.ts';
import {
  argumentsOf,
  classesIn,
  type FindClass,
  type FindText,
  methodsIn,
  namesIn,
  type ScriptClass,
  type ScriptMethod,
  signatureOf,
} from './script.ts';
import { tensorProblems } from './storages.ts';
import {
  countTied,
  entriesOf,
  type NamedTensor,
  scalarType,
  tensorOf,
  tensorsBelow,
  weightHints,
} from './tensors.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readTorchScript(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (file && isMobile(look.head(file))) return await readMobile(candidate, file);
  const archive = file && torchArchive(look, file);
  if (!file || !archive) throw new Malformed('the file is gone');
  using bytes = open(file);
  const zip = openZip(bytes);
  // Awaited here: the file is closed when this function ends.
  return archive.kind === 'script-old'
    ? await readOld(candidate, zip, archive.root)
    : await readScript(candidate, zip, archive.root);
}

async function readScript(candidate: Candidate, zip: Zip, root: string): Promise<Reading> {
  const data = await pickleMember(zip, `${root}data.pkl`);
  const constants = await pickleMember(zip, `${root}constants.pkl`);
  if (!data) throw new Malformed('data.pkl is missing');
  const known = new Map<string, PickleResult>([[`${root}data.pkl`, data]]);
  if (constants) known.set(`${root}constants.pkl`, constants);
  const scan = await scanZip(zip, candidate.path, {
    known,
    trusted: isTorchScriptClass,
  });
  const problems = tensorProblems(data.values, zip, root, candidate.path);
  const model = data.values[0];
  const entry = classOf(model);
  const find = finder(zip, root);
  const name = entry ? `${entry.module}.${entry.name}` : '';
  const found = entry ? find(name) : null;
  const methods = found ? methodsIn(found.body).filter((method) => !method.name.startsWith('_')) : [];
  const where = codeFile(root, name);
  const examples = await tracedInputs(zip, root);
  const signatures = await signaturesOf(methods, {
    file: where.slice(root.length),
    find,
    text: (dotted) => textMember(zip, `${root}code/${dotted.split('.').join('/')}.py`),
    view: (pickled) => (model === undefined ? null : pickled(model, find)),
    constants: constants?.values[0],
    examples,
  });
  const tensors = scriptTensors(model, find);
  const fixed = tensorsBelow(constants?.values[0]);
  const mobile = findEntry(zip, `${root}bytecode.pkl`) !== undefined;
  return reading(candidate, {
    signatures,
    tensors,
    constants: fixed,
    remarks: [...scan.remarks, ...problems],
    risk: problems.length > 0 ? 'dangerous' : scan.risk,
    properties: {
      ...(entry && { class: name.replace(/^__torch__\.(___torch_mangle_\d+\.)?/, '') }),
      ...(mobile && { mobile: 'bytecode for the lite interpreter' }),
    },
  });
}

/** A flatbuffer has the schemas of the methods, and bytecode in place of code. */
async function readMobile(candidate: Candidate, file: ModelFile): Promise<Reading> {
  const { mobileModule } = await import('./mobile.ts');
  using bytes = open(file);
  const module = mobileModule(bytes);
  const methods = module.methods.filter((method) => !method.name.startsWith('_'));
  return reading(candidate, {
    signatures: Object.fromEntries(
      methods.map((method): [string, ToldSignature] => [
        method.name,
        signatureOf(method, 'schema', () => null),
      ]),
    ),
    tensors: module.tensors,
    constants: [],
    remarks: [],
    risk: 'none',
    properties: {
      ...(module.name !== null && { class: module.name }),
      mobile: `bytecode ${module.bytecode} for the lite interpreter (flatbuffer)`,
    },
  });
}

interface Program {
  readonly file: string;
  readonly find: FindClass;
  readonly text: FindText;
  /** The root module; `pickled` makes one of a value. */
  readonly view: (pickled: typeof pickledModule) => ObjectView | null;
  readonly constants: Value | undefined;
  /** Arguments that traces were stored with, by method. */
  readonly examples: ReadonlyMap<string, readonly Argument['example'][]>;
}

/** Signatures by their schemas, with what following their code shows of types and shapes. */
async function signaturesOf(
  methods: readonly ScriptMethod[],
  program: Program,
): Promise<Record<string, ToldSignature>> {
  const { BUDGET, infer } = await import('./infer/infer.ts');
  const { libraryOf, pickledModule: pickled } = await import('./infer/module.ts');
  const view = program.view(pickled);
  const library = libraryOf(program.text, program.constants);
  const budget = { left: BUDGET };
  return Object.fromEntries(
    methods.map((method): [string, ToldSignature] => {
      const examples = program.examples.get(method.name) ?? [];
      const schema = argumentsOf(method, program.find, examples);
      const inferred = view ? infer(method.name, view, schema, library, budget) : null;
      return [method.name, signatureOf(method, program.file, program.find, inferred, examples.length > 0)];
    }),
  );
}

/** The tensors that the model was traced with, by method: torch.jit.trace keeps their types and shapes since 2.0. */
async function tracedInputs(zip: Zip, root: string): Promise<Map<string, Argument['example'][]>> {
  const read = await pickleMember(zip, `${root}traced_inputs.pkl`);
  const out = new Map<string, Argument['example'][]>();
  for (const [method, given] of entriesOf(unwrapped(read?.values[0])) ?? []) {
    const inner = unwrapped(given);
    const items = is(inner, 'list') || is(inner, 'tuple') ? inner.items : [];
    out.set(
      method,
      items.slice(0, 1000).map((item) => {
        const found = tensorOf(item);
        return found ? { type: scalarType(found.dtype), rank: found.shape.length } : null;
      }),
    );
  }
  return out;
}

/** The value that torch tags with its type. */
function unwrapped(value: Value | undefined): Value | undefined {
  if (!is(value, 'call') || !is(value.callee, 'global')) return value;
  return value.callee.name === 'restore_type_tag' ? argsOf(value)[0] : value;
}

interface Parts {
  readonly signatures: Readonly<Record<string, ToldSignature>>;
  readonly tensors: readonly NamedTensor[];
  /** Weights that freezing turned into constants. */
  readonly constants: readonly NamedTensor[];
  readonly remarks: readonly Remark[];
  readonly risk: Reading['risk'];
  readonly properties: Readonly<Record<string, string>>;
}

function reading(candidate: Candidate, parts: Parts): Reading {
  const names = Object.keys(parts.signatures);
  const fallback = names.includes('forward') ? 'forward' : names[0];
  const told = fallback === undefined ? null : tell(parts.signatures, fallback);
  const all = [...parts.tensors, ...parts.constants];
  const frozen = parts.tensors.length === 0 && parts.constants.length > 0;
  const remarks = [...parts.remarks];
  if (!told)
    remarks.push({
      rule: 'contract-unknown',
      level: 'notice',
      file: candidate.path,
      message:
        'the archive has no code of a forward method, so what the model takes and returns is not known',
      help: ASK_FOR_CONTRACT,
    });
  return {
    ...emptyReading(candidate),
    framework: { name: 'torch', version: null },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    parameters: frozen ? null : countTied(parts.tensors),
    properties: {
      ...parts.properties,
      ...(all.length > 0 && { precision: precisions(all) }),
      ...(frozen && { constants: `${countTied(parts.constants)} values (the model is frozen)` }),
      ...weightHints(all),
    },
    requirements: { torch: null },
    risk: parts.risk,
    remarks,
  };
}

/** `code/__torch__/a/b.py` of `__torch__.a.b.Class`. */
function codeFile(root: string, name: string, folder = 'code'): string {
  return `${root}${folder}/${name.split('.').slice(0, -1).join('/')}.py`;
}

function finder(zip: Zip, root: string, folder = 'code'): FindClass {
  const files = new Map<string, Map<string, ScriptClass>>();
  return (name) => {
    const path = codeFile(root, name, folder);
    let classes = files.get(path);
    if (!classes) {
      classes = classesIn(textMember(zip, path) ?? '');
      files.set(path, classes);
    }
    return classes.get(name.split('.').at(-1) ?? '') ?? null;
  };
}

/** Tensors of a module and its children; the code lists which of its attributes are parameters. */
function scriptTensors(root: Value | undefined, find: FindClass): NamedTensor[] {
  const out: NamedTensor[] = [];
  const seen = new Set<Value>();
  const visit = (module: Value, prefix: string, depth: number): void => {
    if (depth > 64 || seen.has(module)) return;
    seen.add(module);
    const of = classOf(module);
    const state = stateOf(module);
    if (!of || !state) return;
    const body = find(`${of.module}.${of.name}`)?.body ?? null;
    const parameters = body === null ? null : namesIn(body, '__parameters__');
    state.keys.forEach((key, index) => {
      const name = textOf(key) ?? '';
      const value = state.values[index] ?? null;
      const tensor = tensorOf(value);
      if (tensor)
        out.push({ ...tensor, name: `${prefix}${name}`, buffer: parameters && !parameters.includes(name) });
      else if (is(value, 'call')) visit(value, `${prefix}${name}.`, depth + 1);
    });
  };
  if (root !== undefined) visit(root, '', 0);
  return out;
}

/** torch 1.0 to 1.2: `model.json` lists modules, tensors and their code files. Source: caffe2/proto/torch.proto. */
async function readOld(candidate: Candidate, zip: Zip, root: string): Promise<Reading> {
  const { oldArchive } = await import('./script-old.ts');
  const archive = await oldArchive(zip, root);
  const scan = await scanZip(zip, candidate.path, { trusted: isTorchScriptClass });
  const find = finder(zip, root, 'libs');
  const methods = methodsIn(archive.code).filter((method) => !method.name.startsWith('_'));
  const signatures = await signaturesOf(methods, {
    file: archive.file,
    find,
    text: (dotted) => textMember(zip, `${root}libs/${dotted.split('.').join('/')}.py`),
    view: () => archive.view,
    constants: undefined,
    examples: new Map(),
  });
  return reading(candidate, {
    signatures,
    tensors: archive.tensors,
    constants: [],
    remarks: scan.remarks,
    risk: scan.risk,
    properties: { layout: 'TorchScript of torch 1.0 to 1.2' },
  });
}
