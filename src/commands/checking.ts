import { resolve } from 'node:path';
import { applyApprovals } from '../check/approvals.ts';
import { behaviourDrift } from '../check/behaviour.ts';
import { breaks } from '../check/breaks.ts';
import { CONTRACT_FILES } from '../check/contract-files.ts';
import { drift } from '../check/drift.ts';
import { type Inspected, inspectModel, toFinding } from '../check/inspect.ts';
import type { Change } from '../contract/compare.ts';
import type { Draft, ParsedContract } from '../contract/parse.ts';
import type { Contract } from '../contract/types.ts';
import type { Reading } from '../formats/format.ts';
import { type Finding, reaches, sortFindings } from '../model/finding.ts';
import { type ModelDirectory, walk } from '../model/walk.ts';
import type { Baseline, Baselines } from './baseline.ts';
import type { Ports } from './command.ts';
import type { FailOn, ModelSettings, Policy } from './config.ts';
import { madeFacts } from './made.ts';

/** A model with everything that a check found out about it. */
export interface CheckedModel {
  readonly settings: ModelSettings;
  readonly directory: ModelDirectory;
  readonly inspected: Inspected;
  /** What the user declared; `null` where nothing (legible) is declared. */
  readonly declared: ParsedContract | null;
  readonly baseline: Baseline | null;
  /** Why there is no baseline. */
  readonly reason: string | null;
  /** Against the baseline. */
  readonly changes: readonly Change[];
  readonly bump: 'first' | 'major' | 'minor' | 'patch';
  readonly policy: Policy;
  /** With approvals applied, most severe first. */
  readonly findings: readonly Finding[];
  /** Fingerprints of findings that somebody agreed to. */
  readonly approved: readonly string[];
  readonly failed: boolean;
}

export interface CheckOptions {
  readonly policy: Policy | null;
  readonly failOn: FailOn | null;
}

/** Files that Lading can generate: whether they are there says nothing about the model itself. */
const BESIDE = new Set<string>([...CONTRACT_FILES, 'requirements.txt', 'model-card.md', 'checksum.txt']);

/**
 * Holds one model against itself (declared and inferred contract) and against the versions that callers use.
 * Nothing of the model is executed.
 */
export async function checkModel(
  settings: ModelSettings,
  baselines: Baselines,
  options: CheckOptions,
  ports: Ports,
): Promise<CheckedModel> {
  const directory = walk(settings.path, resolve(ports.cwd, settings.path));
  const inspected = await inspectModel(directory, { name: settings.name, choice: settings.file });
  const { contract: declared, drafts } = inspected.declared;
  const policy = options.policy ?? settings.policy;
  const contract = chooseContract(declared, inspected);
  const { main } = baselines;
  const others = baselines.published.filter((one) => one.label !== main?.label);
  const compared = contract
    ? breaks(
        contract,
        [...(main ? [main] : []), ...others].map((one) => ({ name: one.label, contract: one.contract })),
        policy,
        {
          model: settings.name,
          file: contractPlace(directory, declared, inspected.reading),
          lineOf: (pointer) => declared?.lineOf(pointer),
        },
      )
    : null;
  const made = main?.published
    ? await madeFacts(
        main.published,
        { directory, inspected, contract, base: settings.baseImage },
        (path) => !BESIDE.has(path),
      )
    : null;
  const remarks = [
    ...drafts,
    ...driftOf(declared, inspected, directory),
    ...(made ? behaviourDrift(...made) : []),
  ];
  const found = [
    // What inspecting has to say beside that (a missing card) is no matter of this check.
    ...inspected.inspection.findings.filter((one) => one.level !== 'notice'),
    ...remarks.map((remark) => toFinding(remark, settings.name, directory)),
    ...(main ? (compared?.findings ?? []) : []),
  ];
  const { findings, approved } = applyApprovals(found, settings.approvals, ports.now());
  const failOn = options.failOn ?? settings.failOn;
  return {
    settings,
    directory,
    inspected,
    declared,
    baseline: main,
    reason: baselines.reason,
    changes: main ? (compared?.changes ?? []) : [],
    bump: main ? (compared?.bump ?? 'patch') : 'first',
    policy,
    findings: sortFindings(findings),
    approved: approved.map((one) => one.finding.fingerprint),
    failed: findings.some((one) => reaches(one.level, failOn)),
  };
}

/** What the model promises: declared by the user, else by another tool's file, else what the files say. */
export function effectiveContract(model: Pick<CheckedModel, 'declared' | 'inspected'>): Contract | null {
  return chooseContract(model.declared, model.inspected);
}

function chooseContract(declared: ParsedContract | null, inspected: Inspected): Contract | null {
  if (declared) return declared.contract;
  const other = inspected.declarations.find((one) => one.contract !== null);
  return other?.contract ?? inspected.reading?.contract ?? null;
}

/** File that findings about the contract point to, from the root of the repository. */
function contractPlace(
  directory: ModelDirectory,
  declared: ParsedContract | null,
  reading: Reading | null,
): string {
  const file = declared?.file ?? reading?.path ?? '';
  const base = directory.path === '.' ? '' : `${directory.path}/`;
  return file === '' ? directory.path : `${base}${file}`;
}

/** Declared against inferred. Files of other tools count as declarations as well, without lines. */
function driftOf(declared: ParsedContract | null, inspected: Inspected, directory: ModelDirectory): Draft[] {
  const { reading } = inspected;
  if (!reading?.contract) return [];
  const { contract, evidence } = reading;
  const wrapped = directory.files.some((file) => file.path === 'predict.py');
  const others = inspected.declarations.flatMap((one): Draft[] => {
    if (one.contract === null) return [];
    const parsed = { file: one.path, contract: one.contract, lineOf: () => undefined, problems: [] };
    return drift(parsed, contract, evidence, {
      wrapped: wrapped || one.properties['wrapper'] !== undefined,
    });
  });
  return [...(declared ? drift(declared, contract, evidence, { wrapped }) : []), ...others];
}
