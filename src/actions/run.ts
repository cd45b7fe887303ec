import { appendFileSync } from 'node:fs';
import * as core from '@actions/core';
import type { Command, Outcome, Ports } from '../commands/command.ts';
import { type CommandName, loadCommand } from '../commands/registry.ts';
import { parseValues } from '../commands/values.ts';
import { asUserError, messageOf, UserError } from '../ports/errors.ts';
import { execLocal } from '../ports/exec.ts';
import { annotations } from '../report/annotations.ts';
import { countText } from '../report/findings.ts';
import { REPORT_URL, VERSION } from '../version.ts';
import { actionsLog, neutral } from './log.ts';

/** GitHub takes 1 MiB of summary a step, and 1 MB an output. */
const MAX_SUMMARY = 1_000_000;
const MAX_OUTPUT = 1_000_000;

const ANNOTATE = { error: core.error, warning: core.warning, notice: core.notice } as const;

/**
 * Runs a command the way a workflow wants it: inputs from the environment, outputs on every path, annotations,
 * one summary, and errors as messages that say what to do.
 */
export async function runAction(name: CommandName): Promise<void> {
  // A promise that nobody waited for must not end the job green.
  process.on('uncaughtException', (error) => fail(error));
  process.on('unhandledRejection', (reason) => fail(reason));
  let command: Command | null = null;
  try {
    command = await loadCommand(name);
    refuseForeignCode(name, process.env);
    const raw = readInputs(process.env);
    for (const [input, spec] of Object.entries(command.inputs))
      if (spec.secret && raw[input]) core.setSecret(raw[input]);
    const values = parseValues(command.inputs, raw, (input) => input);
    report(command, await command.run(values, actionPorts()));
  } catch (error) {
    for (const output of Object.keys(command?.outputs ?? {})) core.setOutput(output, '');
    fail(error);
  }
}

/** Commands that run what is in the checkout, or write with the job's token. */
const TRUSTING: readonly CommandName[] = ['build', 'publish', 'release', 'main'];

/**
 * `pull_request_target` runs with the secrets of the repository. Nothing that a pull request can have written
 * may be built or published there.
 */
function refuseForeignCode(name: CommandName, env: Ports['env']): void {
  if (env['GITHUB_EVENT_NAME'] !== 'pull_request_target' || !TRUSTING.includes(name)) return;
  throw new UserError(`"${name}" does not run for pull_request_target`, {
    help: 'That event has the secrets of the repository and the files of a stranger. Use `on: pull_request` for checks, and publish on `push`.',
  });
}

/** Inputs by name. The runner writes `fail-on` as `INPUT_FAIL-ON`. */
export function readInputs(env: Ports['env']): Record<string, string> {
  const raw: Record<string, string> = {};
  for (const [key, value] of Object.entries(env))
    if (key.startsWith('INPUT_') && value !== undefined)
      raw[key.slice('INPUT_'.length).toLowerCase()] = value;
  return raw;
}

function actionPorts(): Ports {
  return {
    log: actionsLog(),
    exec: execLocal,
    env: process.env,
    cwd: process.env['GITHUB_WORKSPACE'] ?? process.cwd(),
    now: () => new Date(),
    surface: 'actions',
  };
}

function report(command: Command, outcome: Outcome): void {
  for (const output of Object.keys(command.outputs)) {
    const value = outcome.outputs[output];
    if (value === undefined) throw new Error(`"${command.name}" did not set its output "${output}"`);
    if (value.length <= MAX_OUTPUT) core.setOutput(output, value);
    else {
      core.setOutput(output, '');
      core.warning(`The output "${output}" is left empty: it would be larger than GitHub allows.`);
    }
  }
  for (const line of outcome.text.split('\n')) process.stdout.write(`${neutral(line)}\n`);
  for (const { level, message, properties } of annotations(outcome.findings))
    ANNOTATE[level](message, properties);
  writeSummary(outcome.markdown);
  if (outcome.exitCode === 0) return;
  process.exitCode = 1;
  process.stdout.write(`${neutral(`lading ${command.name} failed: ${countText(outcome.findings)}`)}\n`);
}

function writeSummary(markdown: string): void {
  const file = process.env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '' || markdown === '') return;
  let text = markdown;
  if (Buffer.byteLength(text) > MAX_SUMMARY) {
    const cut = Buffer.from(text).subarray(0, MAX_SUMMARY).toString('utf8');
    text = `${cut.slice(0, cut.lastIndexOf('\n'))}\n\n… the rest is longer than GitHub shows.`;
  }
  try {
    appendFileSync(file, `${text}\n`);
  } catch (error) {
    // The work is done and must not be reported as failed for want of a page about it.
    core.warning(`The summary cannot be written: ${messageOf(error)}`);
  }
}

function fail(thrown: unknown): void {
  const error = asUserError(thrown);
  if (error instanceof UserError) {
    const help = error.help === undefined ? '' : `\n→ ${error.help}`;
    core.error(`${error.message}${help}`, {
      title: 'Lading',
      ...(error.file !== undefined && { file: error.file }),
      ...(error.line !== undefined && { startLine: error.line }),
    });
  } else {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    core.error(
      `This is a bug in Lading ${VERSION}. Please report it with these lines: ${REPORT_URL}\n${stack}`,
      { title: 'Bug in Lading' },
    );
  }
  process.exitCode = 1;
}
