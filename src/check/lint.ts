import { readFileSync } from 'node:fs';
import type { Reading, Remark } from '../formats/format.ts';
import type { DigestedFile } from '../model/digest.ts';
import type { ModelDirectory, ModelFile } from '../model/walk.ts';
import { CHECKSUM_FILE, parseChecksums } from './checksums.ts';
import { normalName, parseRequirements } from './requirements.ts';

/** Text files that a person writes are small; a larger one is not read. */
const MAX_TEXT = 1 << 20;

/** What is worth saying about a model directory beside its contract. Plain facts; the model's name comes later. */
export function lint(
  directory: ModelDirectory,
  reading: Reading | null,
  digests: readonly DigestedFile[] | null,
): Remark[] {
  return [
    ...lintCard(directory),
    ...lintLicence(directory),
    ...lintRequirements(directory, reading),
    ...(digests === null ? [] : lintChecksums(directory, digests)),
  ];
}

function lintCard(directory: ModelDirectory): Remark[] {
  if (has(directory, /^(model-card|modelcard|model_card|readme)\.md$/i)) return [];
  return [
    {
      rule: 'model-card-missing',
      level: 'notice',
      message: 'the model has no card that says what it is for and what it was trained on',
      help: 'Write a model-card.md; `lading generate` makes a skeleton.',
    },
  ];
}

function lintLicence(directory: ModelDirectory): Remark[] {
  if (has(directory, /^(licen[cs]e|copying)(\.(md|txt|rst))?$/i)) return [];
  const card = text(directory, 'model-card.md') ?? text(directory, 'README.md');
  // The front matter that model hubs read: `license: apache-2.0`.
  if (card !== null && /^---\r?\n[\s\S]{0,10000}?^licen[cs]e(_name)?\s*:\s*\S/m.test(card)) return [];
  return [
    {
      rule: 'licence-missing',
      level: 'notice',
      message: 'nothing says under which licence the model may be used',
      help: 'Add a LICENSE file, or `license:` to the front matter of model-card.md.',
    },
  ];
}

function lintRequirements(directory: ModelDirectory, reading: Reading | null): Remark[] {
  const written = text(directory, 'requirements.txt');
  if (written === null) return [];
  const made = new Map(
    Object.entries(reading?.requirements ?? {}).map(([name, version]) => [normalName(name), version]),
  );
  return parseRequirements(written).flatMap((one): Remark[] => {
    const stated = made.get(one.name);
    const where = { file: 'requirements.txt', line: one.line, subject: one.name } as const;
    if (one.pin === null)
      return [
        {
          ...where,
          rule: 'requirement-unpinned',
          level: 'warning',
          message: `"${one.text}" is not pinned: the image may get another version tomorrow`,
          help:
            stated == null
              ? `Pin it: ${one.name}==<version>.`
              : `The model was made with ${one.name}==${stated}.`,
        },
      ];
    if (stated == null || one.pin === stated || one.pin.includes('/')) return [];
    return [
      {
        ...where,
        rule: 'requirement-mismatch',
        level: 'warning',
        message: `the model was made with ${one.name} ${stated}, and requirements.txt installs ${one.pin}`,
        help: `Write ${one.name}==${stated}, or save the model again with ${one.pin}.`,
      },
    ];
  });
}

function lintChecksums(directory: ModelDirectory, digests: readonly DigestedFile[]): Remark[] {
  const written = text(directory, CHECKSUM_FILE);
  if (written === null) return [];
  const actual = new Map(digests.map((file) => [file.path, file.sha256]));
  const listed = parseChecksums(written);
  const wrong = listed.flatMap(({ path, sha256, line }): Remark[] => {
    const now = actual.get(path);
    if (now === sha256) return [];
    return [
      {
        rule: now === undefined ? 'checksum-file-missing' : 'checksum-mismatch',
        level: 'error',
        file: CHECKSUM_FILE,
        line,
        subject: path,
        message:
          now === undefined
            ? `checksum.txt lists "${path}", which is not there`
            : `"${path}" is not the file that checksum.txt was made for`,
        help: 'Restore the file, or run `lading generate` if the change is meant.',
      },
    ];
  });
  const known = new Set(listed.map((entry) => entry.path));
  const unlisted = digests.filter((file) => file.path !== CHECKSUM_FILE && !known.has(file.path));
  if (unlisted.length === 0) return wrong;
  return [
    ...wrong,
    {
      rule: 'checksum-incomplete',
      level: 'warning',
      file: CHECKSUM_FILE,
      message: `checksum.txt does not list ${unlisted
        .slice(0, 3)
        .map((file) => `"${file.path}"`)
        .join(', ')}${unlisted.length > 3 ? ` and ${unlisted.length - 3} more` : ''}`,
      help: 'Run `lading generate` to write it again.',
    },
  ];
}

function has(directory: ModelDirectory, pattern: RegExp): boolean {
  return directory.files.some((file) => pattern.test(file.path));
}

function text(directory: ModelDirectory, path: string): string | null {
  const file: ModelFile | undefined = directory.files.find((one) => one.path === path);
  return file === undefined || file.size > MAX_TEXT ? null : readFileSync(file.absolute, 'utf8');
}
