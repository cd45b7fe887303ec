import { readFileSync } from 'node:fs';
import { canonicalJson } from '../contract/canonical.ts';
import { type Draft, type ParsedContract, parseContract } from '../contract/parse.ts';
import type { ModelDirectory } from '../model/walk.ts';
import { CONTRACT_FILES } from './contract-files.ts';

/** A contract that people write is small; a larger file is something else. */
const MAX_CONTRACT = 4 << 20;

/** What the user declared, and what is wrong with how it is written. Paths are within the model directory. */
export interface Declared {
  /** `null` where nothing is declared, or nothing that can be relied on. */
  readonly contract: ParsedContract | null;
  readonly drafts: readonly Draft[];
}

/** Reads the declared contract of a directory. With both files, they have to agree. */
export function readDeclared(directory: ModelDirectory): Declared {
  const parsed: ParsedContract[] = [];
  const drafts: Draft[] = [];
  for (const path of CONTRACT_FILES) {
    const file = directory.files.find((one) => one.path === path);
    if (!file) continue;
    if (file.size > MAX_CONTRACT) {
      drafts.push({
        rule: 'contract-invalid',
        level: 'error',
        file: path,
        message: `the contract is larger than ${MAX_CONTRACT >> 20} MiB`,
        help: 'Declare inputs and outputs only.',
      });
      continue;
    }
    const one = parseContract(readFileSync(file.absolute, 'utf8'), path);
    drafts.push(...one.problems);
    if (!one.problems.some((problem) => problem.level === 'error')) parsed.push(one);
  }
  const [first, second] = parsed;
  if (first && second && canonicalJson(first.contract) !== canonicalJson(second.contract))
    drafts.push({
      rule: 'contract-disagrees',
      level: 'error',
      file: second.file,
      message: `${second.file} declares another contract than ${first.file}`,
      help: 'Keep one of the two, or make them say the same.',
    });
  return { contract: first ?? null, drafts };
}
