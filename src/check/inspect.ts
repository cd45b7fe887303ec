import { type Contract, defaultSignature, type Label } from '../contract/types.ts';
import type { Evidence, Reading, Remark, Risk } from '../formats/format.ts';
import { type Found, lookAt, readModel } from '../formats/read.ts';
import { sweep } from '../formats/sweep.ts';
import type { DigestedFile } from '../model/digest.ts';
import { type Finding, finding, sortFindings } from '../model/finding.ts';
import { nameProblem } from '../model/names.ts';
import type { ModelDirectory } from '../model/walk.ts';
import { CHECKSUM_FILE } from './checksums.ts';
import { CONTRACT_FILES } from './contract-files.ts';
import type { Declared } from './declared.ts';
import { lint } from './lint.ts';

/**
 * `clean`: nothing to say. `review`: a person should look before it is loaded. `dangerous`: loading it runs
 * code that no model needs. `not-a-model`: nothing in the directory can be read as a model.
 */
export type Verdict = 'clean' | 'review' | 'dangerous' | 'not-a-model';

/** All that a model directory says about itself. */
export interface Inspection {
  readonly name: string;
  /** As the user gave it. */
  readonly path: string;
  /** Id of the format, or `null` where there is no model or no choice among several. */
  readonly format: string | null;
  /** File or folder within the directory that was read. */
  readonly file: string | null;
  readonly framework: { readonly name: string; readonly version: string | null } | null;
  /** What was inferred; what is not known in it is `null`. */
  readonly contract: Contract | null;
  /** Name of the signature that is called when none is named. */
  readonly default: string | null;
  readonly features: readonly string[] | null;
  readonly labels: readonly Label[] | null;
  /** Count of trained parameters. */
  readonly parameters: number | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly requirements: Readonly<Record<string, string | null>>;
  readonly verdict: Verdict;
  /** By JSON Pointer into `contract`. */
  readonly evidence: Readonly<Record<string, Evidence>>;
  readonly findings: readonly Finding[];
  /** What describes the model beside its own bytes: the user's `contract.yaml`, an MLflow `MLmodel`. */
  readonly declarations: readonly {
    readonly format: string;
    readonly path: string;
    readonly contract: Contract | null;
  }[];
  readonly files: { readonly count: number; readonly size: number };
  /** SHA-256 of the content, where it was asked for. */
  readonly digest: string | null;
}

export interface InspectOptions {
  readonly name: string;
  /** File or folder within the directory that is the model, where the user chose. */
  readonly choice?: string | null;
  /** Whether every byte is hashed. The contract never waits for it. */
  readonly digest?: boolean;
}

/** Inspection together with the readings that it was made from, for the commands that go on with them. */
export interface Inspected {
  readonly inspection: Inspection;
  /** `null` where there is no model, or no choice among several. */
  readonly reading: Reading | null;
  readonly declarations: readonly Reading[];
  /** What the user declared. */
  readonly declared: Declared;
  /** Of all files but `checksum.txt`, where hashing was asked for. */
  readonly digests: readonly DigestedFile[] | null;
}

/** Detects, reads, lints, and hashes where that is asked for. Damage and danger are findings, not errors. */
export async function inspectModel(directory: ModelDirectory, options: InspectOptions): Promise<Inspected> {
  const look = lookAt(directory);
  const found = await readModel(look, options.choice ?? undefined);
  const reading = found.kind === 'model' ? found.reading : null;
  const declarations = found.kind === 'model' ? found.declarations : [];
  const declared = await declaredIn(directory);
  const swept = await sweep(look, reading);
  const content = options.digest ? await digestContent(directory) : null;
  const digests = content?.files ?? null;
  const remarks = [
    ...(found.kind === 'model' ? found.reading.remarks : found.remarks),
    ...declarations.flatMap((one) => one.remarks),
    ...swept.remarks,
    ...(found.kind === 'none' ? [] : lint(directory, reading, digests)),
    ...nameRemarks(options.name),
    // Who has declared a contract is not asked for one.
  ].filter((remark) => remark.rule !== 'contract-unknown' || declared.contract === null);
  // Where the model itself says nothing, what another tool's file declares is all there is to know.
  const spoken = reading?.contract ? reading : (declarations.find((one) => one.contract !== null) ?? reading);
  const inspection: Inspection = {
    name: options.name,
    path: directory.path,
    format: reading?.format ?? null,
    file: reading?.path ?? null,
    framework: reading?.framework ?? null,
    contract: spoken?.contract ?? null,
    default: spoken?.contract ? defaultSignature(spoken.contract) : null,
    features: reading?.features ?? null,
    labels: reading?.labels ?? null,
    parameters: reading?.parameters ?? null,
    properties: reading?.properties ?? {},
    requirements: reading?.requirements ?? {},
    verdict: verdictOf(found, swept.risk),
    evidence: spoken?.evidence ?? {},
    findings: sortFindings(distinct(remarks.map((remark) => toFinding(remark, options.name, directory)))),
    declarations: [
      ...(declared.contract
        ? [{ format: 'contract', path: declared.contract.file, contract: declared.contract.contract }]
        : []),
      ...declarations.map(({ format, path, contract }) => ({ format, path, contract })),
    ],
    files: {
      count: directory.files.length,
      size: directory.files.reduce((sum, file) => sum + file.size, 0),
    },
    digest: content?.digest ?? null,
  };
  return { inspection, reading, declarations, declared, digests };
}

/** YAML is loaded only where there is something to parse. */
async function declaredIn(directory: ModelDirectory): Promise<Declared> {
  const names: readonly string[] = CONTRACT_FILES;
  if (!directory.files.some((file) => names.includes(file.path))) return { contract: null, drafts: [] };
  const { readDeclared } = await import('./declared.ts');
  return readDeclared(directory);
}

/** A folder may be looked at whatever it is called; a version can only be bound to a legal name. */
function nameRemarks(name: string): Remark[] {
  const problem = nameProblem(name);
  if (problem === null) return [];
  return [
    {
      rule: 'name-not-legal',
      level: 'notice',
      message: `"${name}" cannot be the name of a published model: ${problem}`,
      help: 'Rename the folder, or give the model a name in lading.yaml, before you publish it.',
    },
  ];
}

/**
 * Digests of all files but `checksum.txt`, which is no part of what it vouches for; and one over all of them.
 * They are the answer here, and nothing later would find a wrong one: they come from the bytes that are there, never
 * from what was remembered for a blob id. A cache of the workflow can be written by other jobs, and git's index may
 * call a file unchanged that is not.
 */
export async function digestContent(
  directory: ModelDirectory,
): Promise<{ files: DigestedFile[]; digest: string }> {
  // Most inspections hash nothing, and start without what hashing needs.
  const { contentDigest, digestFiles } = await import('../model/digest.ts');
  const own = directory.files.filter((file) => file.path !== CHECKSUM_FILE);
  const files = await digestFiles({ ...directory, files: own });
  return { files, digest: `sha256:${contentDigest(files)}` };
}

/** A remark of a format or a lint as a finding of this model, with its path from the root of the repository. */
export function toFinding(remark: Remark, model: string, directory: ModelDirectory): Finding {
  const { file, ...rest } = remark;
  const base = directory.path === '.' ? '' : `${directory.path.replace(/\/+$/, '')}/`;
  return finding({ ...rest, model, file: file === undefined || file === '' ? directory.path : base + file });
}

/** A file that a format and the sweep both looked into is not reported twice. */
function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((one) => [`${one.fingerprint} ${one.line ?? ''}`, one])).values()];
}

/** Rules of what could not be read to its end. */
const DAMAGE = /^(file|pickle|external-data)-(truncated|malformed)$/;

/** Danger anywhere in the directory counts, also where no model is found or chosen. What was not read is not clean. */
function verdictOf(found: Found, swept: Risk): Verdict {
  const readings = found.kind === 'model' ? [found.reading, ...found.declarations] : [];
  const damaged = readings.some((one) => one.remarks.some((remark) => DAMAGE.test(remark.rule)));
  const risks = [swept, damaged ? 'review' : 'none', ...readings.map((one) => one.risk)];
  if (risks.includes('dangerous')) return 'dangerous';
  if (found.kind === 'none') return 'not-a-model';
  return found.kind === 'ambiguous' || risks.includes('review') ? 'review' : 'clean';
}
