import { Truncated } from '../../model/bytes.ts';
import { Malformed, type Remark } from '../format.ts';
import { inFolder, type Store } from '../store.ts';
import { type Booster, readBoosterIn } from './booster.ts';
import { type Footers, readColumn, readFooters } from './parquet.ts';
import type { Stage } from './stage.ts';

/** Bytes that all columns which are read may take together. */
const MAX_COLUMNS = 64 * 1024 * 1024;

/** The tables beside the metadata of stages. Each is read once, and damage of one is a remark, not the end. */
export interface Tables {
  /** Footers of a stage's table; `null` when there is none, or it is damaged. */
  footers(stage: Stage, table?: string): Promise<Footers | null>;
  /** Values of one small column of it; empty when there is none. */
  column(stage: Stage, name: string): Promise<readonly unknown[]>;
  /** What the booster of XGBoost or LightGBM says that a stage holds; `null` when there is none, or it is damaged. */
  booster(stage: Stage): Promise<Booster | null>;
  remarks(): readonly Remark[];
}

/** @param file what remarks name: the folder or archive of the model. */
export function tablesOf(store: Store, file: string): Tables {
  const remarks = new Map<string, Remark>();
  const footers = new Map<string, Promise<Footers | null>>();
  const columns = new Map<string, Promise<readonly unknown[]>>();
  const budget = { left: MAX_COLUMNS };
  const orNothing = async <T>(read: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await read;
    } catch (error) {
      if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
      remarks.set(error.message, {
        rule: 'file-malformed',
        level: 'error',
        file,
        message: `Spark ML: ${error.message}`,
        help: 'Save the model again with Spark; if it loads there, report this file to Lading.',
      });
      return otherwise;
    }
  };
  const once = <T>(known: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> => {
    const found = known.get(key) ?? read();
    known.set(key, found);
    return found;
  };
  return {
    footers(stage, table = 'data') {
      const folder = inFolder(stage.folder, table);
      return once(footers, folder, () => orNothing(readFooters(store, folder), null));
    },
    column(stage, name) {
      const folder = inFolder(stage.folder, 'data');
      return once(columns, `${folder}\n${name}`, () =>
        orNothing(readColumn(store, folder, name, budget), []),
      );
    },
    booster: (stage) => orNothing(readBoosterIn(store, stage.folder), null),
    remarks: () => [...remarks.values()],
  };
}
