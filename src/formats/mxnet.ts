import type { Candidate, Format, Look } from './format.ts';
import { PARAMS_MAGIC } from './mxnet/params.ts';

/** MXNet symbols with their parameters. Source: MXNet, nnvm/src/pass/saveload_json.cc and src/ndarray/ndarray.cc. */
export const mxnet: Format = {
  id: 'mxnet',
  title: 'MXNet',
  detect(look) {
    const symbols = look.directory.files
      .filter((file) => file.path.endsWith('.json') && isSymbol(look.head(file)))
      .map(
        (file): Candidate => ({
          format: 'mxnet',
          path: file.path,
          role: 'model',
          covers: paramsOf(look, file.path),
        }),
      );
    const covered = new Set(symbols.flatMap((one) => one.covers));
    const alone = look.directory.files
      .filter((file) => !covered.has(file.path) && isParams(look.head(file)))
      .map((file): Candidate => ({ format: 'mxnet', path: file.path, role: 'weights', covers: [] }));
    return [...symbols, ...alone];
  },
  read: async (...args) => (await import('./mxnet/read.ts')).readMxnet(...args),
};

const isSymbol = (head: Uint8Array): boolean =>
  /^\s*\{\s*"nodes"\s*:\s*\[\s*\{\s*"op"\s*:\s*"/.test(Buffer.from(head).toString('latin1'));
const isParams = (head: Uint8Array): boolean =>
  head.length >= 24 && new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true) === PARAMS_MAGIC;

/** `<name>-symbol.json` has `<name>-<epoch>.params`; the last epoch is the model. */
function paramsOf(look: Look, symbol: string): string[] {
  const stem = symbol.replace(/-symbol\.json$|\.json$/, '');
  const files = look.directory.files.filter((file) => isParams(look.head(file)));
  const own = files.filter(
    (file) => file.path.startsWith(stem) && /^(?:-\d+)?\.params$/.test(file.path.slice(stem.length)),
  );
  return (own.length > 0 || files.length > 1 ? own : files).map((file) => file.path);
}
