/** Where the digests of a model's files are written. It is no part of the content that it vouches for. */
export const CHECKSUM_FILE = 'checksum.txt';

/** Reads what `sha256sum` prints. Lines that are none are left out; `line` is 1-based. */
export function parseChecksums(text: string): { path: string; sha256: string; line: number }[] {
  return text.split('\n').flatMap((raw, index) => {
    const match = /^(\\?)([0-9a-fA-F]{64}) [ *](.+?)\r?$/.exec(raw);
    if (!match) return [];
    const [, escaped, sha256 = '', written = ''] = match;
    const path =
      escaped === '\\'
        ? written.replace(/\\([\\nr])/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : '\\'))
        : written.replace(/^\.\//, '');
    return [{ path, sha256: sha256.toLowerCase(), line: index + 1 }];
  });
}
