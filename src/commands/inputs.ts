import type { InputSpec } from './command.ts';
import { CONFIG_FILE } from './config.ts';

/** Inputs that several commands share, so that one name means one thing everywhere. */
export const MODEL = {
  model: {
    kind: 'string',
    description: 'Directory of the model, such as `models/churn`.',
  },
} as const satisfies Record<string, InputSpec>;

export const MODELS = {
  models: {
    kind: 'list',
    description:
      'Directories or globs of directories, one a line, such as `models/*`. Default: those of the configuration.',
  },
} as const satisfies Record<string, InputSpec>;

export const CONFIG = {
  config: {
    kind: 'string',
    description: 'Configuration file. The default one is optional.',
    default: CONFIG_FILE,
  },
} as const satisfies Record<string, InputSpec>;

export const BASE = {
  base: {
    kind: 'string',
    description:
      'Commit, branch or tag to find changes against. Default: the base of the pull request, or what was there before the push; with neither, everything counts as changed.',
  },
} as const satisfies Record<string, InputSpec>;

export const FAIL_ON = {
  'fail-on': {
    kind: 'choice',
    choices: ['error', 'warning', 'notice', 'never'],
    description:
      'Level of a finding from which on the command fails. Default: that of the configuration, else `error`.',
  },
} as const satisfies Record<string, InputSpec>;

export const NAME = {
  name: {
    kind: 'string',
    description: 'Name of the model. Default: that of the configuration, else the name of its folder.',
  },
} as const satisfies Record<string, InputSpec>;
