import type { Label } from '../../contract/types.ts';
import { derived, stated, type Told, unknown } from '../told.ts';
import type { Frame } from './frame.ts';
import type { Stage } from './stage.ts';
import type { Tables } from './tables.ts';

/** What a stage's reader works with. */
export interface Work extends Pick<Tables, 'footers' | 'column' | 'booster'> {
  readonly frame: Frame;
  /** Columns that only training needs: an indexer that makes one does nothing when its input is missing. */
  readonly training: ReadonlySet<string>;
  /** Columns that are put together and nobody made are numbers, no vectors. */
  readonly numbers?: boolean;
}

/** Reads one stage: takes its columns from the frame and makes new ones. */
export type StageReader = (stage: Stage, work: Work) => void | Promise<void>;

/** `0, 1, … n-1`: the values that a class number takes. */
export function numbersTo(size: number, where: string): Told<readonly Label[]> {
  return derived(
    Array.from({ length: size }, (_, index) => index),
    where,
  );
}

/** Names of classes, where there are as many as the model has classes. */
export function namesFor(names: Told<readonly Label[]> | undefined, size: number | null) {
  if (!names?.value || (size !== null && names.value.length !== size)) return undefined;
  return stated(names.value, names.evidence.where);
}

/** A width that the stage's own data tell. `where`: what of them. */
export function told(size: number | null, where: string, stage: Stage): Told<number> {
  if (size === null) return unknown(`${stage.name} does not say how wide its vectors are`);
  return derived(size, `${stage.name} ${where}`);
}
