import type { Contract } from '../contract/types.ts';
import type { Digest } from '../oci/types.ts';

/** How much a version differs from the one before it, as SemVer counts. */
export type Bump = 'first' | 'major' | 'minor' | 'patch';

/** What every line of a ledger has. */
interface EventBase {
  /** 1, 2, 3 … within the file. */
  readonly seq: number;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly name: string;
  /** SHA-256 of the line before, without its newline; 64 zeros for the first. */
  readonly prev: string;
}

export interface PublishEvent extends EventBase {
  readonly event: 'publish';
  readonly version: string;
  readonly bump: Bump;
  readonly kind: 'image' | 'artifact';
  /** Repository as users pull it; with the digest it is the whole reference. */
  readonly repository: string;
  readonly digest: Digest;
  /** SHA-256 over the sorted lines `<sha256>  <path>` of all files, as `sha256sum | sha256sum` gives it. */
  readonly content: string;
  readonly contract: Contract;
  /** What the model was, for behaviour drift: framework, version, parameters, bytes. */
  readonly framework: { readonly name: string; readonly version: string | null } | null;
  readonly parameters: number | null;
  /** What else is known of how it was made, for the same purpose: `image_python`, `precision`, `priors`, `python`. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
    /** Git blob id, where the file is tracked: known again without hashing. */
    readonly blob?: string;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly commit?: string;
  /** URL of the workflow run: a run that is started again finds what it has done already. */
  readonly run?: string;
}

export interface PromoteEvent extends EventBase {
  readonly event: 'promote';
  readonly version: string;
  readonly alias: string;
}

export interface LabelEvent extends EventBase {
  readonly event: 'label';
  readonly version: string;
  readonly labels: Readonly<Record<string, string | null>>;
}

export interface RetireEvent extends EventBase {
  readonly event: 'retire';
  readonly version: string;
  readonly reason: string;
}

export type LedgerEvent = PublishEvent | PromoteEvent | LabelEvent | RetireEvent;
