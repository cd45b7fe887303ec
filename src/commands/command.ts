import type { Finding } from '../model/finding.ts';
import type { Exec } from '../ports/exec.ts';
import type { Log } from '../ports/log.ts';

/** One input of a command: `with:` in a workflow, `--name` in a terminal. */
export interface InputSpec {
  readonly description: string;
  readonly kind: 'string' | 'boolean' | 'list' | 'choice';
  readonly choices?: readonly string[];
  /** As it would be written in a workflow. */
  readonly default?: string;
  /** In a workflow only: an expression such as `${{ github.token }}`. */
  readonly workflowDefault?: string;
  readonly required?: boolean;
  /** Masked in every log before anything can print it. */
  readonly secret?: boolean;
}

/** The values of a command's inputs: `null` for a string or choice that was not given and has no default. */
export type Values<S extends Readonly<Record<string, InputSpec>>> = {
  readonly [K in keyof S]: S[K]['kind'] extends 'boolean'
    ? boolean
    : S[K]['kind'] extends 'list'
      ? readonly string[]
      : S[K] extends { readonly choices: readonly (infer C)[] }
        ? S[K] extends { readonly default: string }
          ? C
          : C | null
        : S[K] extends { readonly required: true } | { readonly default: string }
          ? string
          : string | null;
};

/** The effects that a command may use. Tests give their own; nothing else reaches outside. */
export interface Ports {
  readonly log: Log;
  readonly exec: Exec;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Root that relative paths are resolved against: the workspace, or the current folder. */
  readonly cwd: string;
  readonly now: () => Date;
  /** `actions` where a workflow runs the command: annotations, summary and outputs have readers. */
  readonly surface: 'actions' | 'terminal';
}

/** What a command found out or did. Renderers make text, Markdown, annotations and JSON of it. */
export interface Outcome {
  /** 0 fine, 1 findings at or over `fail-on`, 2 trouble. Trouble is mostly thrown as a UserError instead. */
  readonly exitCode: 0 | 1 | 2;
  /** Strings for `steps.<id>.outputs`; every output of the command is present on every path. */
  readonly outputs: Readonly<Record<string, string>>;
  /** For `--format json`: what `schemas/<command>.json` describes. */
  readonly json: unknown;
  readonly findings: readonly Finding[];
  /** For a terminal. */
  readonly text: string;
  /** For the job summary; Markdown with everything untrusted escaped. */
  readonly markdown: string;
}

export interface Command<
  S extends Readonly<Record<string, InputSpec>> = Readonly<Record<string, InputSpec>>,
> {
  readonly name: string;
  /** One line, for `lading --help` and `action.yml`. */
  readonly summary: string;
  readonly inputs: S;
  /** Output name → description. */
  readonly outputs: Readonly<Record<string, string>>;
  run(values: Values<S>, ports: Ports): Promise<Outcome>;
}
