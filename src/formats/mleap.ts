import { open } from '../model/walk.ts';
import type { Candidate, Format } from './format.ts';
import { looksLikeZip, openZip, type Zip } from './wire/zip.ts';

export const BUNDLE = /(?:^|\/)bundle\.json$/;

/**
 * MLeap bundles: a folder or a zip with `bundle.json` and a tree of nodes, in JSON or protobuf. Source: MLeap, "MLeap
 * Bundles".
 */
export const mleap: Format = {
  id: 'mleap',
  title: 'MLeap',
  detect(look) {
    const folders = look.directory.files
      .filter((file) => BUNDLE.test(file.path))
      .map((file) => ({ path: file.path, root: file.path.replace(/bundle\.json$/, 'root/') }))
      .filter(({ root }) => look.file(`${root}node.json`) ?? look.file(`${root}node.pb`))
      .map(({ path, root }): Candidate => {
        const covers = look.directory.files.map((one) => one.path).filter((one) => one.startsWith(root));
        return { format: 'mleap', path, role: 'model', covers };
      });
    const zips = look.directory.files
      .filter(
        (file) =>
          looksLikeZip(look.head(file)) &&
          /bundle\.json|(?:\.node|root)\/(?:(?:model|node)\.(?:json|pb))?/.test(
            Buffer.from(look.head(file)).toString('latin1'),
          ) &&
          holdsBundle(file),
      )
      .map((file): Candidate => ({ format: 'mleap', path: file.path, role: 'model', covers: [] }));
    return [...folders, ...zips];
  },
  read: async (...args) => (await import('./mleap/read.ts')).readMleap(...args),
};

/** The folder of the bundle in an archive; `null` where there is none. */
export function topOf(zip: Zip): string | null {
  const names = zip.entries.map((entry) => entry.name).filter((name) => BUNDLE.test(name));
  const [first] = names.toSorted((a, b) => a.length - b.length);
  return first === undefined ? null : first.replace(/\/?bundle\.json$/, '');
}

function holdsBundle(file: Parameters<typeof open>[0]): boolean {
  try {
    using bytes = open(file);
    return topOf(openZip(bytes)) !== null;
  } catch {
    // A damaged one is told when it is read.
    return file.path.endsWith('.zip');
  }
}
