import type { Label, Profile } from '../../contract/types.ts';
import { type Bytes, Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { rootTable, type Table } from '../wire/flatbuffer.ts';
import { readerOf } from '../wire/flatbuffer-reader.ts';
import { findEntry, openZip, readText, type Zip } from '../wire/zip.ts';

/** What TFLITE_METADATA says of one input or output (tflite_support metadata_schema.fbs). */
export interface TensorNotes {
  readonly description: string;
  readonly profile: Profile | null;
  /** Entries along the last axis stand for these. */
  readonly axisLabels: readonly Label[] | null;
  /** Values of the tensor are positions in this list. */
  readonly valueLabels: readonly Label[] | null;
}

export interface ModelNotes {
  readonly properties: Readonly<Record<string, string>>;
  readonly inputs: readonly TensorNotes[];
  readonly outputs: readonly TensorNotes[];
  /** Label files that could not be read. */
  readonly problems: readonly string[];
}

const AXIS_LABELS = 2;
const VALUE_LABELS = 3;
/** ContentProperties: 2 ImageProperties, 4 AudioProperties. */
const PROFILES: Readonly<Record<number, Profile>> = { 2: 'image', 4: 'audio' };
const MAX_LABEL_FILE = 8 * 1024 * 1024;

/** Reads the metadata flatbuffer; its associated files are in a zip that is appended to the model. */
export function readNotes(model: Bytes, metadata: Bytes): ModelNotes {
  const root = rootTable(metadata);
  const reader = readerOf(metadata);
  const problems: string[] = [];
  const properties: Record<string, string> = {};
  for (const [name, slot] of [
    ['name', 0],
    ['description', 1],
    ['version', 2],
    ['author', 4],
    ['license', 5],
  ] as const) {
    const text = reader.text(root, slot)?.trim();
    if (text) properties[name] = text.slice(0, 1000);
  }
  let archive: Zip | null | undefined;
  const labelFile = (name: string): readonly Label[] | null => {
    try {
      archive ??= openZip(model);
      const entry = findEntry(archive, name);
      if (!entry) {
        problems.push(`the label file "${name}" is not in the model`);
        return null;
      }
      const lines = readText(archive, entry, MAX_LABEL_FILE).split(/\r?\n/);
      while (lines.at(-1)?.trim() === '') lines.pop();
      return lines.length === 0 ? null : lines.map((line) => line.trim());
    } catch (error) {
      if (!(error instanceof Truncated || error instanceof Malformed)) throw error;
      problems.push(`the label file "${name}" cannot be read: ${error.message}`);
      return null;
    }
  };
  const notes = (table: Table): TensorNotes => {
    const files = reader.tables(table, 6).map((file) => ({
      name: reader.text(file, 0) ?? '',
      type: file.int8(2),
      locale: reader.text(file, 3) ?? '',
    }));
    const labels = (type: number) => {
      const fitting = files.filter((file) => file.type === type);
      const chosen = fitting.find((file) => file.locale === '') ?? fitting[0];
      return chosen ? labelFile(chosen.name) : null;
    };
    const content = table.table(3);
    const parts = [reader.text(table, 0)?.trim() ?? '', reader.text(table, 1)?.trim() ?? ''];
    return {
      description: parts.filter((part) => part !== '').join(': '),
      profile: (content && PROFILES[content.uint8(0)]) ?? null,
      axisLabels: labels(AXIS_LABELS),
      valueLabels: labels(VALUE_LABELS),
    };
  };
  const [main] = reader.tables(root, 3);
  return {
    properties,
    inputs: main ? reader.tables(main, 2).map(notes) : [],
    outputs: main ? reader.tables(main, 3).map(notes) : [],
    problems,
  };
}
