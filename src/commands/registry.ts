import type { Command } from './command.ts';

/** Every command, loaded only when it is asked for: `lading inspect` never pays for `publish`. */
const LOADERS = {
  plan: async () => (await import('./plan.ts')).plan,
  inspect: async () => (await import('./inspect.ts')).inspect,
  generate: async () => (await import('./generate.ts')).generate,
  check: async () => (await import('./check.ts')).check,
  build: async () => (await import('./build.ts')).build,
  publish: async () => (await import('./publish.ts')).publish,
  release: async () => (await import('./release.ts')).release,
  resolve: async () => (await import('./resolve.ts')).resolve,
  main: async () => (await import('./main.ts')).main,
  rules: async () => (await import('./rules.ts')).rules,
  formats: async () => (await import('./formats.ts')).formats,
} as const satisfies Record<string, () => Promise<Command>>;

export type CommandName = keyof typeof LOADERS;

/** Commands that are not offered in a terminal: `main` asks which event started the workflow. */
const ACTIONS_ONLY: readonly CommandName[] = ['main'];
/** Commands that only print what Lading knows: no use in a workflow. */
const TERMINAL_ONLY: readonly CommandName[] = ['rules', 'formats'];

const ALL = Object.keys(LOADERS) as CommandName[];

export const TERMINAL_COMMANDS: readonly CommandName[] = ALL.filter((name) => !ACTIONS_ONLY.includes(name));
export const ACTION_COMMANDS: readonly CommandName[] = ALL.filter((name) => !TERMINAL_ONLY.includes(name));

export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(LOADERS, text);
}

export function loadCommand(name: CommandName): Promise<Command> {
  return LOADERS[name]();
}
