import type { PyGlobal } from '../wire/pickle/values.ts';

/** Classes of TorchScript live in the archive's code; Python imports nothing for them. */
export const isTorchScriptClass = (global: PyGlobal): boolean => /^__torch__(\.|$)/.test(global.module);

/** Plain holders of values that checkpoints are full of. */
export const isTorchHolder = (global: PyGlobal): boolean =>
  `${global.module}.${global.name}` === 'argparse.Namespace';

/** What torch's files name beyond what every pickle may. */
export const isTorchOwn = (global: PyGlobal): boolean => isTorchScriptClass(global) || isTorchHolder(global);
