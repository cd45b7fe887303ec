import { glance } from '../../model/bytes.ts';
import { type ModelFile, open } from '../../model/walk.ts';
import type { Look } from '../format.ts';
import { legacyPickles } from '../wire/pickle/heads.ts';
import { findEntry, looksLikeZip, openZip, type Zip } from '../wire/zip.ts';

/** What kind of file torch or something built on it wrote, and the folder in it that everything is below. */
export interface TorchArchive {
  readonly kind:
    | 'script'
    | 'script-old'
    | 'export'
    | 'save'
    | 'legacy'
    | 'tar'
    | 'fastai'
    /** torch.package: pickles, and the Python code of their classes. */
    | 'package'
    /** TorchServe: a model of any kind, and the code that serves it. */
    | 'served';
  /** With its `/` at the end; '' where there is none. */
  readonly root: string;
  /** The root object is a module with its class, and not only tensors. */
  readonly module: boolean;
}

const HEAD = 4096;
const known = new WeakMap<ModelFile, TorchArchive | 'none'>();

/** Which of torch's containers a file is, by its content; `null` when it is none of them. Cheap, never throws. */
export function torchArchive(look: Look, file: ModelFile): TorchArchive | null {
  const before = known.get(file);
  if (before !== undefined) return before === 'none' ? null : before;
  const found = classify(look.head(file), file);
  known.set(file, found ?? 'none');
  return found;
}

function classify(head: Uint8Array, file: ModelFile): TorchArchive | null {
  if (legacyPickles(head) !== null) return pickled(head, 'legacy', '');
  if (isOldTar(head)) return { kind: 'tar', root: '', module: false };
  if (!looksLikeZip(head)) return null;
  try {
    using bytes = open(file);
    return kindOf(openZip(bytes));
  } catch {
    // Damaged archives are reported by the format whose name the file has.
    return /\.(pt|pth|ckpt|ptl)$/i.test(file.path) ? { kind: 'save', root: '', module: false } : null;
  }
}

function kindOf(zip: Zip): TorchArchive | null {
  const names = zip.entries.map((entry) => entry.name);
  const below = (suffix: string): string | null => {
    const found = names.find((name) => name === suffix || name.endsWith(`/${suffix}`));
    return found === undefined ? null : found.slice(0, found.length - suffix.length);
  };
  if (names.includes('MAR-INF/MANIFEST.json')) return { kind: 'served', root: '', module: true };
  const packaged = below('.data/extern_modules');
  if (packaged !== null) return { kind: 'package', root: packaged, module: true };
  const pt2 = below('archive_format');
  if (
    pt2 !== null &&
    names.some((name) => name.startsWith(`${pt2}models/`) || name.startsWith(`${pt2}data/`))
  )
    return { kind: 'export', root: pt2, module: false };
  const program = below('serialized_exported_program.json');
  if (program !== null) return { kind: 'export', root: program, module: false };
  const pickle = names.find((name) => /^[^/]*\/?data\.pkl$/.test(name));
  if (pickle === undefined) {
    const old = names.find((name) => /^[^/]*\/?model\.json$/.test(name));
    const root = old?.slice(0, -'model.json'.length);
    const tensors =
      root !== undefined &&
      names.some((name) => name.startsWith(`${root}tensors/`) || name.startsWith(`${root}code/`));
    return root !== undefined && tensors ? { kind: 'script-old', root, module: false } : null;
  }
  const root = pickle.slice(0, -'data.pkl'.length);
  const script =
    names.includes(`${root}constants.pkl`) || names.some((name) => name.startsWith(`${root}code/`));
  if (script) return { kind: 'script', root, module: true };
  const entry = findEntry(zip, pickle);
  if (!entry) return null;
  if (entry.method !== 0) return { kind: 'save', root, module: false };
  return pickled(glance(zip.bytes, entry.offset, Math.min(HEAD, entry.compressedSize)), 'save', root);
}

/** A class that is made with no arguments, by protocol 2 (GLOBAL) or 4 (STACK_GLOBAL); or torch's old module reference. */
const MODULE = /c[\w.]+\n[\w.]+\n(?:q[\s\S]|r[\s\S]{4})?\)\x81|\x93\x94?\)\x81|module(?:q[\s\S])?c/;

function pickled(head: Uint8Array, kind: 'save' | 'legacy', root: string): TorchArchive {
  const text = Buffer.from(head).toString('latin1');
  // fastai 1 pickled a dict of a learner's parts, of which these come first.
  const fastai =
    /c?fastai\.[\w.]*(?:learner|basic_train|basic_data)[\w.]*/.test(text.slice(0, 1200)) ||
    /opt_func[\s\S]{1,800}loss_func/.test(text.slice(0, 1600));
  return { kind: fastai ? 'fastai' : kind, root, module: MODULE.test(text) };
}

/** torch 0.1.1 and before wrote a tar of `sys_info`, `pickle`, `storages` and `tensors`. */
function isOldTar(head: Uint8Array): boolean {
  if (head.length < 512) return false;
  const name = Buffer.from(head.subarray(0, 100)).toString('latin1').replace(/\0.*$/s, '');
  return (
    /^(\.\/)?(sys_info|pickle|storages|tensors)$/.test(name) &&
    Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar'
  );
}
