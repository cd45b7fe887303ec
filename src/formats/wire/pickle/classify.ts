import {
  CONTEXTUAL,
  DANGEROUS_MODULES,
  DANGEROUS_NAMES,
  FORWARDERS,
  FRAMEWORKS,
  HARMFUL_CLASSES,
  INERT,
  normalModule,
} from './lists.ts';
import type { PyGlobal } from './values.ts';

/** What importing a name, and calling it with values, can do. */
export type Class = 'inert' | 'framework' | 'unknown' | 'dangerous';

/** Rebuilders that Cython and the frameworks' C parts define: they fill an instance. */
const REBUILDERS = /^(?:__pyx_unpickle_\w+|newObj|_unpickle\w*|_rebuild\w*|_restore\w*|_new_\w+|__newobj__)$/;

const EXCEPTIONS =
  /^builtins\.[A-Z]\w*(?:Error|Exception|Warning|Interrupt|Iteration)$|^builtins\.Exception$/;

/**
 * Classes a global by its name alone. Parents of dotted modules count (`asyncio.unix_events`), and so does every
 * part of a dotted name (`pathlib` with `os.system`): both reach what the part names.
 */
export function classify(global: PyGlobal): Class {
  const module = normalModule(global.module);
  const full = `${module}.${global.name}`;
  if (INERT.has(full) || EXCEPTIONS.test(full)) return 'inert';
  const moduleParts = module.split('.');
  const nameParts = global.name.split('.');
  if (isDangerous(moduleParts, nameParts)) return 'dangerous';
  if (nameParts.some((part) => /^__\w+__$/.test(part) && !/^__new(obj)?__$/.test(part))) return 'dangerous';
  if (!/^[\w.]+$/.test(module) || !/^[\w.<>]+$/.test(global.name)) return 'unknown';
  if (FRAMEWORKS.some((prefix) => module === prefix || module.startsWith(`${prefix}.`))) return 'framework';
  return 'unknown';
}

function isDangerous(moduleParts: readonly string[], nameParts: readonly string[]): boolean {
  const parts = [...moduleParts, ...nameParts];
  // Paths are plain values, and their methods touch the disk.
  if (moduleParts[0] === 'pathlib' && nameParts.length > 1) return true;
  for (let end = 1; end <= parts.length; end += 1) {
    const prefix = parts.slice(0, end).join('.');
    if (DANGEROUS_NAMES.has(prefix)) return true;
    if ((end <= moduleParts.length || end > 1) && DANGEROUS_MODULES.has(prefix)) return true;
  }
  // A dotted name walks attributes: any module on the way, such as `sys.modules`, can be one that was imported.
  if (nameParts.length > 1)
    for (let from = 0; from < nameParts.length; from += 1) {
      const rest = nameParts.slice(from);
      const first = rest[0] ?? '';
      if (DANGEROUS_MODULES.has(first) || DANGEROUS_NAMES.has(rest.slice(0, 2).join('.'))) return true;
      if (DANGEROUS_NAMES.has(`builtins.${first}`)) return true;
    }
  // Modules that re-export a dangerous one under its own name: `torch.serialization.os`, `numpy.f2py.os`.
  const only = nameParts[0] ?? '';
  // Packages call modules of their own `builtins` (`tpot.builtins`).
  return (
    EXECUTORS.has(only) || moduleParts.slice(1).some((part) => part !== 'builtins' && EXECUTORS.has(part))
  );
}

const EXECUTORS = new Set(
  'os sys subprocess posix nt shutil ctypes importlib runpy pickle socket builtins __builtins__'.split(' '),
);

/** Whether calling this global of a framework only makes an instance; other functions of it may do anything. */
export function makesInstance(global: PyGlobal): boolean {
  const last = global.name.split('.').at(-1) ?? '';
  // Cython's classes may have a letter for their type in front: `dKalmanFilter`.
  return /^_*[a-z]?[A-Z]/.test(last) || REBUILDERS.test(last);
}

/** First words of functions that run, load, read or write what their arguments name. */
const REACHES =
  /^_?(?:un)?(?:pickle|loads?|open|eval|exec|run|check_output|system|popen|urlopen|urlread|download|fetch|save|dump|read|write|import|from_pretrained|from_disk|query|func_load|deserialize|retrieve|to_(?:pickle|csv|json|parquet|hdf|excel|sql|html|xml|feather|stata))(?:_\w+)?$/;

/** Whether calling this global of a framework reaches out of the pickle, or runs what is in it. */
export function reachesOut(global: PyGlobal): boolean {
  const name = global.name.split('.').at(-1) ?? '';
  return REACHES.test(name) || HARMFUL_CLASSES.has(`${global.module}.${global.name}`);
}

/** Whether it only passes its other arguments on to its first. */
export function isForwarder(global: PyGlobal): boolean {
  return FORWARDERS.has(`${normalModule(global.module)}.${global.name}`);
}

/** Whether honest files call it as well, with harmless arguments. */
export function isContextual(global: PyGlobal): boolean {
  return CONTEXTUAL.has(`${normalModule(global.module)}.${global.name}`);
}
