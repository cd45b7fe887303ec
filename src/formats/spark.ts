import type { Label } from '../contract/types.ts';
import { type ModelFile, open } from '../model/walk.ts';
import {
  type Candidate,
  emptyReading,
  type Format,
  type Look,
  Malformed,
  type Reading,
  type Remark,
} from './format.ts';
import { flatten, fold, isUnfitted } from './spark/fold.ts';
import { fieldOf } from './spark/frame.ts';
import { callOf } from './spark/old.ts';
import { METADATA, readStage, type Stage } from './spark/stage.ts';
import { type Tables, tablesOf } from './spark/tables.ts';
import { folderStore, type Store, zipStore } from './store.ts';
import { type ToldSignature, tell, unknown } from './told.ts';
import { ASK_FOR_CONTRACT } from './weights.ts';
import { looksLikeZip, openZip } from './wire/zip.ts';

/**
 * What Spark ML saves: pipelines and single models, as a folder or a zip of one, by their metadata and the footers of
 * their tables.
 */
export const spark: Format = {
  id: 'spark',
  title: 'Spark ML',
  detect(look) {
    const folders = look.directory.files
      .filter((file) => METADATA.test(file.path) && isMetadata(look.head(file)))
      .map((file) => file.path);
    const tops = topsOf(folders).map((folder): Candidate => {
      const prefix = folder === '' ? '' : `${folder}/`;
      const covers = look.directory.files.map((file) => file.path).filter((path) => path.startsWith(prefix));
      return { format: 'spark', path: folder, role: 'model', covers };
    });
    const zips = look.directory.files
      .filter((file) => looksLikeZip(look.head(file)) && topInZip(look, file) !== null)
      .map((file): Candidate => ({ format: 'spark', path: file.path, role: 'model', covers: [] }));
    return [...tops, ...zips];
  },
  async read(candidate, look) {
    const file = look.file(candidate.path);
    if (!file) return readStore(candidate, folderStore(look, candidate.path));
    using bytes = open(file);
    const zip = openZip(bytes);
    const tops = topsOf(zip.entries.map((entry) => entry.name).filter((name) => METADATA.test(name)));
    const [top, ...others] = tops;
    if (top === undefined || others.length > 0)
      throw new Malformed(`the archive holds ${tops.length} models: ${tops.slice(0, 5).join(', ')}`);
    return await readStore(candidate, zipStore(zip, top));
  },
};

/** The folders of paths to metadata that are in no other of them. */
function topsOf(paths: readonly string[]): string[] {
  // Longer paths are no model's, and would cost their square.
  const short = paths.filter((path) => path.length <= 1000);
  const folders = new Set(short.map((path) => path.replace(/(?:^|\/)metadata\/part-[^/]*$/, '')));
  return [...folders].filter((folder) => !isInside(folder, folders));
}

function isInside(folder: string, folders: ReadonlySet<string>): boolean {
  if (folder === '') return false;
  const parts = folder.split('/');
  return parts.some((_, level) => folders.has(parts.slice(0, level).join('/')));
}

/** Folder of the model in an archive. Names of members stand in the head too, which rules most others out. */
function topInZip(look: Look, file: ModelFile): string | null {
  const head = Buffer.from(look.head(file)).toString('latin1');
  if (!/(?:^|[^\w])(?:metadata|stages|data|bestModel|pipelineModel)\//.test(head)) return null;
  try {
    using bytes = open(file);
    const names = openZip(bytes).entries.map((entry) => entry.name);
    return topsOf(names.filter((name) => METADATA.test(name)))[0] ?? null;
  } catch {
    return null;
  }
}

async function readStore(candidate: Candidate, store: Store): Promise<Reading> {
  const root = readStage(store);
  const tables = tablesOf(store, candidate.path);
  if (root.class.startsWith('org.apache.spark.mllib.')) return readOld(candidate, root, tables);
  return readPipeline(candidate, root, tables);
}

function isMetadata(head: Uint8Array): boolean {
  const start = Buffer.from(head).toString('latin1').trimStart();
  return (
    start.startsWith('{') &&
    /"class"\s*:\s*"[\w.$]+"/.test(start) &&
    // What judges models is none.
    !/"class"\s*:\s*"org\.apache\.spark\.ml\.evaluation\./.test(start) &&
    /"(?:uid|timestamp|version)"/.test(start)
  );
}

const noContract = (candidate: Candidate, message: string, help: string): Remark => ({
  rule: 'contract-unknown',
  level: 'warning',
  file: candidate.path,
  message,
  help,
});

function describe(candidate: Candidate, root: Stage): Reading {
  return {
    ...emptyReading(candidate),
    framework: { name: 'spark', version: root.sparkVersion },
    properties: { class: root.class },
    requirements: { pyspark: root.sparkVersion },
  };
}

async function readPipeline(candidate: Candidate, root: Stage, tables: Tables): Promise<Reading> {
  const base = describe(candidate, root);
  const stages = flatten(root);
  const properties: Record<string, string> = { ...base.properties };
  if (stages.length > 1 || stages[0] !== root)
    properties['stages'] = stages.map((stage) => stage.name).join(', ');
  if (isUnfitted(root)) {
    const message = `it is ${/^[AEIOU]/.test(root.name) ? 'an' : 'a'} ${root.name} that was never fitted: it cannot transform anything`;
    const help = `Save what fit() returns${root.name === 'Pipeline' ? ', a PipelineModel' : ''}.`;
    return { ...base, remarks: [noContract(candidate, message, help)] };
  }
  const { frame, labels, parameters } = await fold(root, tables);
  const remarks = tables.remarks();
  const outputs = frame.made.filter((column) => !column.taken && !column.hidden);
  const nameless = frame.nameless > 0 ? 'an SQL expression gives a column that has no name of its own' : null;
  const lost = (why: string) => unknown(why, 'the columns, in a contract.yaml');
  const signature: ToldSignature = {
    inputs: frame.lost === null ? frame.given.map(fieldOf) : lost(frame.lost),
    outputs:
      frame.lost === null && nameless === null ? outputs.map(fieldOf) : lost(frame.lost ?? nameless ?? ''),
  };
  if (labels)
    properties['classes'] = labels
      .slice(0, 100)
      .map((label: Label) => String(label))
      .join(', ');
  const told = tell({ transform: signature });
  return {
    ...base,
    contract: told.contract,
    evidence: told.evidence,
    labels,
    parameters,
    properties,
    risk: remarks.length > 0 ? 'review' : 'none',
    remarks,
  };
}

/** Models of the RDD-based library: metadata beside the class, and a method that takes a value. */
async function readOld(candidate: Candidate, root: Stage, tables: Tables): Promise<Reading> {
  const call = await callOf(root, tables);
  const remarks = tables.remarks();
  // The version in their metadata is that of the layout.
  const base: Reading = {
    ...describe(candidate, root),
    framework: { name: 'spark', version: null },
    requirements: { pyspark: null },
    risk: remarks.length > 0 ? 'review' : 'none',
    remarks,
  };
  if (!call)
    return {
      ...base,
      remarks: [
        ...remarks,
        noContract(candidate, `${root.class} does not say how it is called`, ASK_FOR_CONTRACT),
      ],
    };
  const told = tell({ [call.method]: call.signature });
  return { ...base, contract: told.contract, evidence: told.evidence };
}
