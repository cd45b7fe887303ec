import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CHECKSUM_FILE, parseChecksums } from '../check/checksums.ts';
import { CONTRACT_FILES } from '../check/contract-files.ts';
import { digestContent, type Inspection, inspectModel } from '../check/inspect.ts';
import { checksumText } from '../model/digest.ts';
import { walk } from '../model/walk.ts';
import { UserError } from '../ports/errors.ts';
import { findingsMarkdown, findingsText } from '../report/findings.ts';
import { code, escapeMarkdown, markdownTable, visible } from '../report/markdown.ts';
import { paint, table } from '../report/table.ts';
import type { Command } from './command.ts';
import { loadConfig } from './config.ts';
import { isGenerated, modelCard, requirementsText, withMarker } from './generated.ts';
import { CONFIG, MODEL, NAME } from './inputs.ts';
import { settingsOfOne } from './models.ts';

const FILES = [...CONTRACT_FILES, 'requirements.txt', 'model-card.md', CHECKSUM_FILE] as const;
type FileName = (typeof FILES)[number];

const inputs = {
  model: { ...MODEL.model, required: true },
  ...NAME,
  contract: {
    kind: 'choice',
    choices: CONTRACT_FILES,
    description: 'In which file the contract is written, where there is none yet.',
    default: 'contract.yaml',
  },
  files: {
    kind: 'list',
    description: `Which files to write, of ${FILES.join(', ')}. Default: whatever is missing or was generated.`,
  },
  overwrite: {
    kind: 'boolean',
    description: 'Replace hand-written files too.',
    default: 'false',
  },
  ...CONFIG,
} as const;

const outputs = {
  written: 'Paths of the files that were written, as JSON.',
  contract: 'Path of the contract file of the model; empty where there is none.',
} as const;

interface Done {
  readonly file: FileName;
  readonly action: 'written' | 'refreshed' | 'unchanged' | 'kept' | 'skipped';
  readonly reason: string;
}

export const generate: Command<typeof inputs> = {
  name: 'generate',
  summary: 'Write what is missing: contract, checksums, pinned requirements, model card',
  inputs,
  outputs,
  async run(values, ports) {
    const config = await loadConfig(ports.cwd, values.config);
    const settings = await settingsOfOne(values, config, ports.cwd);
    const absolute = resolve(ports.cwd, settings.path);
    const directory = walk(settings.path, absolute);
    const { inspection } = await inspectModel(directory, { name: settings.name, choice: settings.file });
    const failed = inspection.verdict === 'not-a-model' || inspection.format === null;
    const wanted = wantedFiles(values.files, values.contract, absolute);
    const done: Done[] = [];
    if (!failed) {
      const named = values.files.length > 0;
      const plans: { file: FileName; content: string }[] = [];
      for (const file of wanted) {
        if (file === CHECKSUM_FILE) continue;
        const content = await contentOf(file, inspection);
        if (typeof content === 'string') plans.push({ file, content });
        else done.push({ file, action: 'skipped', reason: content.reason });
      }
      // All refusals come before the first write: a command that fails has changed nothing.
      if (named)
        for (const { file, content } of plans)
          refuseHandWritten(file, content, settings.path, absolute, values.overwrite);
      for (const { file, content } of plans) done.push(write(file, content, absolute, values.overwrite));
      if (wanted.includes(CHECKSUM_FILE)) {
        const content = checksumText((await digestContent(walk(settings.path, absolute))).files);
        if (named) refuseHandWritten(CHECKSUM_FILE, content, settings.path, absolute, values.overwrite);
        done.push(write(CHECKSUM_FILE, content, absolute, values.overwrite));
      }
    }
    const written = done
      .filter(({ action }) => action === 'written' || action === 'refreshed')
      .map(({ file }) => `${settings.path}/${file}`);
    const contract = CONTRACT_FILES.find((file) => existsSync(join(absolute, file)));
    const findings = failed ? inspection.findings : [];
    return {
      exitCode: failed ? 1 : 0,
      outputs: {
        written: JSON.stringify(written),
        contract: contract === undefined ? '' : `${settings.path}/${contract}`,
      },
      json: { name: settings.name, path: settings.path, files: done, findings },
      findings,
      text: [
        `${paint.bold(settings.name)} ${paint.dim(visible(settings.path))}`,
        ...(done.length > 0
          ? [
              table(
                done.map((one) => [colour(one.action), one.file, paint.dim(visible(one.reason))]),
                '  ',
              ),
            ]
          : []),
        ...(failed ? [findingsText(findings)] : []),
      ].join('\n'),
      markdown: [
        `### ${code(settings.name)}: generated files`,
        ...(done.length > 0
          ? [
              markdownTable(
                ['File', '', ''],
                done.map((one) => [code(one.file), one.action, escapeMarkdown(one.reason)]),
              ),
            ]
          : []),
        ...(failed ? [findingsMarkdown(findings)] : []),
      ].join('\n\n'),
    };
  },
};

function colour(action: Done['action']): string {
  return action === 'written' || action === 'refreshed' ? paint.green(action) : paint.dim(action);
}

function wantedFiles(given: readonly string[], contract: FileName, absolute: string): FileName[] {
  const isFileName = (name: string): name is FileName => FILES.some((file) => file === name);
  const unknown = given.find((name) => !isFileName(name));
  if (unknown !== undefined)
    throw new UserError(`the value "${unknown}" is not valid for "files"`, {
      help: `Valid values are: ${FILES.join(', ')}.`,
    });
  if (given.length > 0) return FILES.filter((file) => given.includes(file));
  // A directory has one declared contract: an existing file of either kind is the one to refresh.
  const existing = CONTRACT_FILES.filter((file) => existsSync(join(absolute, file)));
  const contracts: readonly FileName[] = existing.length > 0 ? existing : [contract];
  return FILES.filter((file) => contracts.includes(file) || !CONTRACT_FILES.some((one) => one === file));
}

async function contentOf(file: FileName, inspection: Inspection): Promise<string | { reason: string }> {
  switch (file) {
    case 'contract.yaml':
    case 'signature.json': {
      if (inspection.contract === null)
        return { reason: 'the files do not say how the model is called: write the contract by hand' };
      const { printContract } = await import('../contract/print.ts');
      return file === 'contract.yaml'
        ? withMarker('#', printContract(inspection.contract, 'yaml'))
        : printContract(inspection.contract, 'json');
    }
    case 'requirements.txt': {
      const text = requirementsText(inspection.requirements);
      return text ?? { reason: 'the model does not say which packages it needs' };
    }
    case 'model-card.md':
      return modelCard(inspection);
    case CHECKSUM_FILE:
      throw new Error('checksums are made after all other files');
  }
}

/** What stands in the file now, or `null`. */
function current(file: FileName, absolute: string): string | null {
  const path = join(absolute, file);
  const kind = statSync(path, { throwIfNoEntry: false });
  return kind?.isFile() ? readFileSync(path, 'utf8') : null;
}

/** Whether Lading wrote the file: its marker is there, or (checksums) nothing but what Lading would write. */
function ours(file: FileName, text: string): boolean {
  if (file !== CHECKSUM_FILE) return isGenerated(text);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return parseChecksums(text).length === lines.length;
}

function refuseHandWritten(
  file: FileName,
  content: string,
  path: string,
  absolute: string,
  overwrite: boolean,
): void {
  const now = current(file, absolute);
  if (now === null || now === content || overwrite || ours(file, now)) return;
  throw new UserError(`"${path}/${file}" is written by hand and would be replaced`, {
    file: `${path}/${file}`,
    help: 'Set "overwrite" to replace it, or leave it out of "files" to keep it.',
  });
}

function write(file: FileName, content: string, absolute: string, overwrite: boolean): Done {
  const now = current(file, absolute);
  if (now === content) return { file, action: 'unchanged', reason: 'it is up to date' };
  if (now !== null && !overwrite && !ours(file, now))
    return { file, action: 'kept', reason: 'it is written by hand' };
  writeFileSync(join(absolute, file), content);
  return now === null
    ? { file, action: 'written', reason: 'it was missing' }
    : { file, action: 'refreshed', reason: overwrite ? 'overwrite is set' : 'it was generated before' };
}
