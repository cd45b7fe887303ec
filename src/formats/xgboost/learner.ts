import type { Label } from '../../contract/types.ts';

/** What a booster says about itself, whatever form it was saved in. */
export interface Learner {
  readonly version: string | null;
  readonly featureCount: number | null;
  readonly names: readonly string[];
  readonly types: readonly string[];
  /** By feature; `null` for features without stored categories. */
  readonly categories: readonly (readonly Label[] | null)[];
  readonly classCount: number;
  readonly targetCount: number;
  readonly objective: string | null;
  readonly booster: string | null;
  readonly trees: string | null;
}
