import { inFolder, type Store, type StoredFile } from '../store.ts';

/** What a booster says that stands beside the metadata of its stage. */
export interface Booster {
  readonly features: number | null;
  /** 0 or 1 of those that tell two classes or numbers. */
  readonly classes: number;
}

const HEAD = 4096;

/** @throws Malformed when it is damaged. */
export async function readBoosterIn(store: Store, folder: string): Promise<Booster | null> {
  const light = store.file(inFolder(folder, 'complexParams/lightGBMBooster'));
  if (light) return readLight(light);
  const file = placesOf(store, folder)[0];
  return file ? readXgboost(file) : null;
}

/** From Python its text is saved as an RDD, from the JVM its bytes as a file. */
function placesOf(store: Store, folder: string): StoredFile[] {
  const text = store.list(inFolder(folder, 'model')).files.filter((file) => /^part-/.test(file.name));
  const bytes = store
    .list(inFolder(folder, 'data'))
    .files.filter((file) => /^(?:XGBoost\w+Model|model)$/.test(file.name));
  return [...text, ...bytes].filter((file) => file.size > 0);
}

async function readXgboost(file: StoredFile): Promise<Booster> {
  const { readLearner } = await import('../xgboost/read.ts');
  using bytes = file.open();
  const learner = readLearner(bytes, bytes.read(0, Math.min(HEAD, bytes.size)));
  return { features: learner.featureCount, classes: learner.classCount };
}

/** The text of a LightGBM model inside what Java wrote of the object; its first lines tell. */
function readLight(file: StoredFile): Booster {
  using bytes = file.open();
  const head = Buffer.from(bytes.read(0, Math.min(HEAD, bytes.size))).toString('latin1');
  const countOf = (key: string): number | null => {
    const digits = new RegExp(`\\n${key}=(\\d{1,9})\\n`).exec(head)?.[1];
    return digits === undefined ? null : Number(digits);
  };
  const last = countOf('max_feature_idx');
  return { features: last === null ? null : last + 1, classes: countOf('num_class') ?? 1 };
}
