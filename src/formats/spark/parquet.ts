import type { Compressors } from 'hyparquet';
import type { ScalarType } from '../../contract/types.ts';
import { type Bytes, Truncated } from '../../model/bytes.ts';
import { entryOf } from '../../model/entry.ts';
import { zlib } from '../../ports/builtin.ts';
import { messageOf } from '../../ports/errors.ts';
import { Malformed } from '../format.ts';
import type { Store, StoredFile } from '../store.ts';
import { checkPages, type Unpack } from './pages.ts';
import { checkFooter } from './thrift.ts';

/** Most bytes that are taken out of a file at once: footers and columns of labels, never weights. */
const MAX_PIECE = 32 * 1024 * 1024;
const MAX_FILES = 200;
/** Most values that a column of labels may have, and rows of a table that has one: an indexer has one row. */
const MAX_VALUES = 1_000_000;
const FOOTER = 32 * 1024;
const MAX_FOOTER = 2 * 1024 * 1024;
/** Values in the footers of all files of a table: Spark's own have a few hundred each. */
const MAX_FOOTER_VALUES = 150_000;
/** Bounds on a schema: Spark's own have a few dozen elements. */
const MAX_ELEMENTS = 10_000;
const MAX_LEVELS = 50;

interface Leaf {
  readonly path: string;
  readonly values: number;
  readonly nulls: number | null;
  readonly least: unknown;
  readonly most: unknown;
  readonly type: ScalarType | null;
}

/** What the footers of a stage's Parquet files say; the numbers of a model are not read for it. */
export interface Footers {
  readonly rows: number;
  /** How many values stand at a path, such as `pc.values`, in all rows together. */
  entries(column: string): number | null;
  /** The value of a whole number that is the same in all rows. */
  number(column: string): number | null;
  /** Size of the vectors in a column, all of one size. */
  vector(column: string): number | null;
  /** How many lists at a path are empty. */
  empty(column: string): number | null;
  /** Type of the values at a path. */
  type(column: string): ScalarType | null;
}

/** Files of a table of Parquet. */
function partsOf(store: Store, folder: string): StoredFile[] {
  return store
    .list(folder)
    .files.filter((file) => /^part-/.test(file.name) && file.size > 12)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Reads the footers below a folder; `null` when there are no Parquet files. @throws Malformed when one is damaged. */
export async function readFooters(store: Store, folder: string): Promise<Footers | null> {
  const files = partsOf(store, folder);
  if (files.length === 0 || files.length > MAX_FILES) return null;
  const { parquetMetadataAsync } = await import('hyparquet');
  const leaves: Leaf[] = [];
  let rows = 0;
  let tables = 0;
  let left = MAX_FOOTER_VALUES;
  for (const file of files) {
    using bytes = file.open();
    if (!isParquet(bytes)) continue;
    tables += 1;
    left -= checkedFooter(bytes);
    if (left < 0) throw new Malformed('the footers of its Parquet files are too large together');
    const metadata = await guarded(file.path, () =>
      parquetMetadataAsync(bufferOf(bytes), { initialFetchSize: FOOTER }),
    );
    rows += Number(metadata.num_rows);
    const types = typesIn(metadata.schema ?? []);
    for (const group of metadata.row_groups ?? [])
      for (const column of group.columns ?? []) {
        const data = column.meta_data;
        if (!data) continue;
        const statistics = data.statistics;
        leaves.push({
          path: data.path_in_schema.join('.').replaceAll(/\.(list\.element|bag\.array|array)/g, ''),
          values: Number(data.num_values),
          nulls: statistics?.null_count === undefined ? null : Number(statistics.null_count),
          least: statistics?.min_value ?? statistics?.min,
          most: statistics?.max_value ?? statistics?.max,
          type: types.get(data.path_in_schema.join('.')) ?? null,
        });
      }
  }
  return tables === 0 ? null : footers(rows, leaves);
}

interface Element {
  readonly name: string;
  readonly type?: string;
  readonly converted_type?: string;
  readonly num_children?: number;
}

const PLAIN: Readonly<Record<string, ScalarType>> = {
  BOOLEAN: 'bool',
  INT32: 'int32',
  INT64: 'int64',
  FLOAT: 'float32',
  DOUBLE: 'float64',
};
const CONVERTED: Readonly<Record<string, ScalarType>> = { UTF8: 'string', INT_8: 'int8', INT_16: 'int16' };

/** Types of the leaves of a schema, which stands as a list: each group is followed by its children. */
function typesIn(schema: readonly Element[]): Map<string, ScalarType> {
  const types = new Map<string, ScalarType>();
  const open: { path: string; left: number }[] = [];
  for (const element of schema.slice(1, MAX_ELEMENTS)) {
    while (open.at(-1)?.left === 0) open.pop();
    const parent = open.at(-1);
    if (parent) parent.left -= 1;
    const path = parent ? `${parent.path}.${element.name}` : element.name;
    const { converted_type: converted } = element;
    const type = converted === undefined ? entryOf(PLAIN, element.type ?? '') : entryOf(CONVERTED, converted);
    // A damaged footer has a long where a number was.
    const children = Number(element.num_children ?? 0);
    if (children > 0) open.push({ path, left: children });
    else if (type) types.set(path, type);
    if (open.length > MAX_LEVELS) break;
  }
  return types;
}

function footers(rows: number, leaves: readonly Leaf[]): Footers {
  const at = (path: string) => leaves.filter((leaf) => leaf.path === path && leaf.values > 0);
  const number = (column: string): number | null => {
    const found = at(column);
    const [first] = found;
    const value = first === undefined ? null : Number(first.least ?? Number.NaN);
    if (value === null || !Number.isSafeInteger(value)) return null;
    return found.every((leaf) => Number(leaf.least) === value && Number(leaf.most) === value) ? value : null;
  };
  const entries = (column: string): number | null => {
    const found = at(column);
    // An empty list takes the place of one value, which is then null.
    if (found.length === 0 || found.some((leaf) => leaf.nulls !== 0)) return null;
    return found.reduce((sum, leaf) => sum + leaf.values, 0);
  };
  return {
    rows,
    entries,
    number,
    empty(column) {
      const found = at(column);
      if (found.length === 0 || found.some((leaf) => leaf.nulls === null)) return null;
      return found.reduce((sum, leaf) => sum + (leaf.nulls ?? 0), 0);
    },
    type: (column) => leaves.find((leaf) => leaf.path === column)?.type ?? null,
    vector(column) {
      // VectorUDT: type 1 is dense, with its values only; type 0 is sparse, with its size.
      const kind = number(`${column}.type`);
      if (kind === 0) {
        const sizes = at(`${column}.size`);
        return sizes.every((leaf) => leaf.nulls === 0) ? number(`${column}.size`) : null;
      }
      const values = kind === 1 ? entries(`${column}.values`) : null;
      return values !== null && rows > 0 && values % rows === 0 ? values / rows : null;
    },
  };
}

/** The values of one column of a small table, row by row. @throws Malformed when it is damaged or too large. */
export async function readColumn(
  store: Store,
  folder: string,
  column: string,
  budget: { left: number },
): Promise<unknown[]> {
  const [{ parquetMetadataAsync, parquetReadObjects, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const out: unknown[] = [];
  let left = MAX_FOOTER_VALUES;
  for (const file of partsOf(store, folder)) {
    using bytes = file.open();
    if (!isParquet(bytes)) continue;
    left -= checkedFooter(bytes);
    if (left < 0) throw new Malformed('the footers of its Parquet files are too large together');
    const rows = await guarded(file.path, async () => {
      const buffer = bufferOf(bytes);
      const metadata = await parquetMetadataAsync(buffer, { initialFetchSize: FOOTER });
      const wanted = metadata.row_groups
        .flatMap((group) => group.columns)
        .flatMap((one) => (one.meta_data?.path_in_schema[0] === column ? [one.meta_data] : []));
      if (wanted.length === 0) return [];
      const sum = (number: (one: (typeof wanted)[number]) => bigint) =>
        wanted.reduce((total, one) => total + Number(number(one)), 0);
      const size = sum((one) => one.total_uncompressed_size);
      const rows = metadata.row_groups.reduce((total, one) => total + Number(one.num_rows), 0);
      budget.left -= size;
      if (
        !(
          size <= MAX_PIECE &&
          budget.left >= 0 &&
          sum((one) => one.total_compressed_size) <= MAX_PIECE &&
          sum((one) => one.num_values) <= MAX_VALUES &&
          rows <= MAX_VALUES
        )
      )
        throw new Malformed(`column ${column} has ${size} bytes; at most ${MAX_PIECE} are read`);
      const unpackers = boundedUnpackers(compressors, size);
      for (const one of wanted) {
        const start = Number(one.dictionary_page_offset || one.data_page_offset);
        checkPages(bytes.read(start, Number(one.total_compressed_size)), {
          values: Number(one.num_values),
          unpack: one.codec === 'UNCOMPRESSED' ? null : (unpackers[one.codec] ?? null),
          ...levelsOf(parquetSchema(metadata), one.path_in_schema),
        });
      }
      return parquetReadObjects({
        file: buffer,
        metadata,
        columns: [column],
        compressors: boundedUnpackers(compressors, size),
      });
    });
    out.push(...rows.map((row) => row[column] as unknown));
  }
  return out;
}

/** What unpacks pages, to no more bytes together than the column says that it has. */
function boundedUnpackers(compressors: Compressors, size: number): Readonly<Record<string, Unpack>> {
  let left = size;
  return Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]): [string, Unpack] => [
      codec,
      (input, count) => {
        left -= count;
        if (!(count >= 0 && left >= 0)) throw new Malformed(`a page announces ${count} bytes`);
        return codec === 'ZSTD' ? unpackZstd(input, count) : unpack(input, count);
      },
    ]),
  );
}

/** What the library has for it takes the size of its result from the compressed bytes. */
function unpackZstd(input: Uint8Array, size: number): Uint8Array {
  // Node before 22.15 has none.
  if (typeof zlib().zstdDecompressSync !== 'function')
    throw new Malformed('it is zstd-compressed, which needs Node 22.15 or newer to be read');
  return zlib().zstdDecompressSync(input, { maxOutputLength: Math.max(1, size) });
}

interface SchemaNode {
  readonly element: { readonly name: string; readonly repetition_type?: string };
  readonly children: readonly SchemaNode[];
}

/** How many levels of lists, and of what may be absent, the values of a column are in. */
function levelsOf(root: SchemaNode, path: readonly string[]) {
  let node: SchemaNode | undefined = root;
  let maxDefinition = 0;
  let maxRepetition = 0;
  for (const name of path) {
    node = node?.children.find((one) => one.element.name === name);
    if (node?.element.repetition_type !== 'REQUIRED') maxDefinition += 1;
    if (node?.element.repetition_type === 'REPEATED') maxRepetition += 1;
  }
  return { maxDefinition, maxRepetition };
}

const isParquet = (bytes: Bytes): boolean =>
  bytes.size > 12 && Buffer.from(bytes.read(0, 4)).toString('latin1') === 'PAR1';

/** A footer stands before its length and the magic. Gives how many values are in it. @throws Malformed */
function checkedFooter(bytes: Bytes): number {
  const end = bytes.read(bytes.size - 8, 8);
  const length = new DataView(end.buffer, end.byteOffset, 8).getUint32(0, true);
  if (length > MAX_FOOTER || length > bytes.size - 12)
    throw new Malformed(`a Parquet file announces a footer of ${length} bytes`);
  return checkFooter(bytes.read(bytes.size - 8 - length, length));
}

function bufferOf(bytes: { readonly size: number; read(offset: number, length: number): Uint8Array }) {
  return {
    byteLength: bytes.size,
    slice(start: number, end = bytes.size): ArrayBuffer {
      if (!(end - start <= MAX_PIECE)) throw new Malformed(`a piece of ${end - start} bytes is asked for`);
      const piece = bytes.read(start, end - start);
      return new Uint8Array(piece).buffer;
    },
  };
}

/** Whatever the library throws about damaged bytes is damage of the file. */
async function guarded<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Truncated || error instanceof Malformed) throw error;
    throw new Malformed(`${file}: ${messageOf(error)}`);
  }
}
