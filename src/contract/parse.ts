import type { Finding } from '../model/finding.ts';
import { decodeContract } from './decode.ts';
import { parseSource } from './source.ts';
import type { Contract } from './types.ts';

/** A finding before it is known whose model it is. */
export type Draft = Omit<Finding, 'fingerprint' | 'model'>;

/** A contract that somebody wrote, with the lines that its parts stand on. */
export interface ParsedContract {
  /** As it was given to `parseContract`. */
  readonly file: string;
  /** What could be read; not to be relied on when `problems` holds an error. */
  readonly contract: Contract;
  /**
   * Line (1-based) of a JSON Pointer into `contract`, or of the innermost thing around it that was written;
   * `undefined` when the text could not be parsed.
   */
  lineOf(pointer: string): number | undefined;
  /** Findings of rule `contract-invalid` with file and line. */
  readonly problems: readonly Draft[];
}

/**
 * Reads `contract.yaml` or (by the file's ending) `signature.json`. Everything that is wrong with it is a problem
 * with a line; nothing is thrown.
 */
export function parseContract(text: string, file: string): ParsedContract {
  const source = parseSource(text, /\.json$/i.test(file));
  if (!source.ok)
    return {
      file,
      contract: { contract: 'v1', signatures: {} },
      lineOf: () => undefined,
      problems: [
        {
          rule: 'contract-invalid',
          level: 'error',
          message: `the contract cannot be read: ${source.message}`,
          help: 'Correct the file; `lading generate` shows how a contract is written.',
          file,
          ...(source.line !== undefined && { line: source.line }),
        },
      ],
    };
  const { contract, problems } = decodeContract(source.value);
  // Without `signatures` the text is one signature named `predict`.
  const flat = typeof source.value === 'object' && source.value !== null && !('signatures' in source.value);
  return {
    file,
    contract,
    lineOf: (pointer) =>
      source.lineOf(
        flat && pointer.startsWith('/signatures/predict')
          ? pointer.slice('/signatures/predict'.length)
          : pointer,
      ),
    problems: problems.map(({ pointer, level, message, help }) => ({
      rule: 'contract-invalid',
      level,
      message,
      ...(help !== undefined && { help }),
      file,
      line: source.lineOf(pointer),
    })),
  };
}
