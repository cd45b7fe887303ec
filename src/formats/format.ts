import type { Contract, Label } from '../contract/types.ts';
import type { Finding } from '../model/finding.ts';
import type { ModelDirectory, ModelFile } from '../model/walk.ts';

/**
 * What one format has to provide: one file in this folder and one line in `registry.ts`. A format is
 * bytes in, `Reading` out: it runs nothing, writes nothing and knows nothing of git or GitHub.
 */
export interface Format {
  /** Stable id, such as `onnx`. */
  readonly id: string;
  /** As its makers write it, such as `ONNX`. */
  readonly title: string;
  /**
   * What in the directory is this format. By content (`look.head`, the first 4 KiB), with names only as a hint;
   * cheap, synchronous, and never throws.
   */
  detect(look: Look): readonly Candidate[];
  /**
   * Reads the contract. Damage and danger are findings of the Reading; a `Truncated` or `Malformed` that is thrown
   * is turned into one by the caller. Libraries that are large are imported in here, not at the top of the file.
   */
  read(candidate: Candidate, look: Look): Promise<Reading>;
}

/** A model directory with what detection needs. */
export interface Look {
  readonly directory: ModelDirectory;
  /** The file at a path within the directory. */
  file(path: string): ModelFile | undefined;
  /** The first bytes of a file, at most 4096; kept, so that thirty formats cost one read. */
  head(file: ModelFile): Uint8Array;
}

export interface Candidate {
  readonly format: string;
  /** File or folder within the model directory; '' is the directory itself. */
  readonly path: string;
  /**
   * `model`: it can answer requests. `weights`: parameters without a way to call them, a model only when there
   * is nothing better. `declaration`: it describes a model that is beside it.
   */
  readonly role: 'model' | 'weights' | 'declaration';
  /** Other files that belong to it (weights, tokenizer, shards): they are no candidates of their own. */
  readonly covers: readonly string[];
}

/** Where a value comes from. `where` is a short pointer into the file, such as `graph.input[0].type`. */
export type Evidence =
  | { readonly kind: 'stated' | 'derived' | 'assumed'; readonly where: string }
  /** Nothing says it. `add` is what the user can write to have it known. */
  | { readonly kind: 'unknown'; readonly where: string; readonly add?: string };

/** A finding before it is known whose model it is; `file` is relative to the model directory. */
export type Remark = Omit<Finding, 'fingerprint' | 'model'>;

/** `review`: a person should look; `dangerous`: loading it runs code that no model needs. */
export type Risk = 'none' | 'review' | 'dangerous';

/** What a format read. Plain data. */
export interface Reading {
  readonly format: string;
  /** The file or folder that was read, within the model directory. */
  readonly path: string;
  /** The framework that wrote it, with its version as stated. */
  readonly framework: { readonly name: string; readonly version: string | null } | null;
  /** `null` when the files say nothing about how the model is called. */
  readonly contract: Contract | null;
  /** Evidence by JSON Pointer into the contract, such as `/signatures/predict/inputs/0/type`. */
  readonly evidence: Readonly<Record<string, Evidence>>;
  /** Names of the features in order, where stated. */
  readonly features: readonly string[] | null;
  /** Class labels in order, where stated. */
  readonly labels: readonly Label[] | null;
  /** Count of trained parameters, where it follows from the files. */
  readonly parameters: number | null;
  /** What else the files state that a person would want to see: opset, architecture, objective. */
  readonly properties: Readonly<Record<string, string>>;
  /** Python distributions that the model says it was made with, such as `{'scikit-learn': '1.5.2'}`. */
  readonly requirements: Readonly<Record<string, string | null>>;
  /** Of a declaration: files or folders within the model directory that it says are the model. */
  readonly describes?: readonly string[];
  readonly risk: Risk;
  readonly remarks: readonly Remark[];
}

/** A reading that knows nothing yet. */
export function emptyReading(candidate: Candidate): Reading {
  return {
    format: candidate.format,
    path: candidate.path,
    framework: null,
    contract: null,
    evidence: {},
    features: null,
    labels: null,
    parameters: null,
    properties: {},
    requirements: {},
    risk: 'none',
    remarks: [],
  };
}

/** The bytes are not what the format promises. The message says where and what. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}
