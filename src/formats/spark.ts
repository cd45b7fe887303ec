import type { Label } from '../contract/types.ts';
import { type ModelFile, open } from '../model/walk.ts';
import { type Candidate, emptyReading, type Format, type Look, Malformed, type Reading } from './format.ts';
import { flatten, fold } from './spark/fold.ts';
import { fieldOf } from './spark/frame.ts';
import { count, METADATA, readStage, type Stage } from './spark/stage.ts';
import { type Tables, tablesOf } from './spark/tables.ts';
import { folderStore, type Store, zipStore } from './store.ts';
import { assumed, derived, type ToldSignature, tell, unknown } from './told.ts';
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
  if (root.class.startsWith('org.apache.spark.mllib.')) return readOld(candidate, root);
  return readPipeline(candidate, root, tablesOf(store, candidate.path));
}

function isMetadata(head: Uint8Array): boolean {
  const start = Buffer.from(head).toString('latin1').trimStart();
  return (
    start.startsWith('{') &&
    /"class"\s*:\s*"[\w.$]+"/.test(start) &&
    /"(?:uid|timestamp|version)"/.test(start)
  );
}

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
  if (root.name === 'Pipeline')
    return {
      ...base,
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'warning',
          file: candidate.path,
          message: 'it is a Pipeline that was never fitted: it cannot transform anything',
          help: 'Save what fit() returns, a PipelineModel.',
        },
      ],
    };
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

/** Models of the RDD-based library: metadata beside the class, and a call that takes one vector. */
function readOld(candidate: Candidate, root: Stage): Reading {
  const features = count(root, 'numFeatures');
  const base = { ...describe(candidate, root), framework: { name: 'spark', version: null } };
  if (features === null)
    return {
      ...base,
      requirements: { pyspark: null },
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'warning',
          file: candidate.path,
          message: `${root.class} does not say how many features it takes`,
          help: ASK_FOR_CONTRACT,
        },
      ],
    };
  const told = tell({
    predict: {
      inputs: [
        {
          name: assumed('features', 'predict() takes one vector'),
          type: derived('float64', 'vectors are of doubles'),
          shape: derived(['batch', features], 'metadata numFeatures'),
        },
      ],
      outputs: [
        {
          name: assumed('prediction', 'predict() returns one number'),
          type: root.name.includes('KMeans')
            ? unknown('a cluster')
            : derived('float64', 'predictions are doubles'),
          shape: derived(['batch'], 'one number a row'),
        },
      ],
    },
  });
  return { ...base, contract: told.contract, evidence: told.evidence };
}
