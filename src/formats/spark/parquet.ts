import { Truncated } from '../../model/bytes.ts';
import { open } from '../../model/walk.ts';
import { messageOf } from '../../ports/errors.ts';
import { type Look, Malformed } from '../format.ts';
import { filesIn } from './stage.ts';

/** Most bytes that are taken out of a file at once: footers and columns of labels, never weights. */
const MAX_PIECE = 32 * 1024 * 1024;
const MAX_FILES = 200;
/** Most values that a column of labels may have. */
const MAX_VALUES = 1_000_000;
const FOOTER = 32 * 1024;

interface Leaf {
  readonly path: string;
  readonly values: number;
  readonly nulls: number | null;
  readonly least: unknown;
  readonly most: unknown;
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
}

/** Files of a table of Parquet. */
function partsOf(look: Look, folder: string) {
  return filesIn(look, folder).filter(
    (file) =>
      /\/part-[^/]*$/.test(file.path) &&
      file.path.slice(folder.length + 1).indexOf('/') < 0 &&
      file.size > 12,
  );
}

/** Reads the footers below a folder; `null` when there are no Parquet files. @throws Malformed when one is damaged. */
export async function readFooters(look: Look, folder: string): Promise<Footers | null> {
  const files = partsOf(look, folder).filter((file) => isParquet(look.head(file)));
  if (files.length === 0 || files.length > MAX_FILES) return null;
  const { parquetMetadataAsync } = await import('hyparquet');
  const leaves: Leaf[] = [];
  let rows = 0;
  for (const file of files) {
    using bytes = open(file);
    const metadata = await guarded(file.path, () =>
      parquetMetadataAsync(bufferOf(bytes), { initialFetchSize: FOOTER }),
    );
    rows += Number(metadata.num_rows);
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
        });
      }
  }
  return footers(rows, leaves);
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
export async function readColumn(look: Look, folder: string, column: string): Promise<unknown[]> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const bounded = Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]) => [
      codec,
      (input: Uint8Array, size: number) => {
        if (!(size >= 0 && size <= MAX_PIECE)) throw new Malformed(`a page announces ${size} bytes`);
        return unpack(input, size);
      },
    ]),
  );
  const out: unknown[] = [];
  for (const file of partsOf(look, folder)) {
    if (!isParquet(look.head(file))) continue;
    using bytes = open(file);
    const rows = await guarded(file.path, async () => {
      const buffer = bufferOf(bytes);
      const metadata = await parquetMetadataAsync(buffer, { initialFetchSize: FOOTER });
      const wanted = metadata.row_groups
        .flatMap((group) => group.columns)
        .filter((one) => one.meta_data?.path_in_schema[0] === column);
      if (wanted.length === 0) return [];
      const size = wanted.reduce((sum, one) => sum + Number(one.meta_data?.total_uncompressed_size ?? 0), 0);
      const values = wanted.reduce((sum, one) => sum + Number(one.meta_data?.num_values ?? 0), 0);
      if (!(size <= MAX_PIECE && values <= MAX_VALUES && Number(metadata.num_rows) <= MAX_VALUES))
        throw new Malformed(`column ${column} has ${size} bytes; at most ${MAX_PIECE} are read`);
      return parquetReadObjects({ file: buffer, metadata, columns: [column], compressors: bounded });
    });
    out.push(...rows.map((row) => row[column] as unknown));
  }
  return out;
}

const isParquet = (head: Uint8Array): boolean =>
  Buffer.from(head.subarray(0, 4)).toString('latin1') === 'PAR1';

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
