import { compiledModels } from './coreml/compiled.ts';
import type { Candidate, Format, Look } from './format.ts';

const MANIFEST = 'Manifest.json';

/** Core ML: `.mlmodel` files and `.mlpackage` folders. */
export const coreml: Format = {
  id: 'coreml',
  title: 'Core ML',
  detect(look) {
    const packages = look.directory.files
      .filter((file) => file.path === MANIFEST || file.path.endsWith(`/${MANIFEST}`))
      .flatMap((file): Candidate[] => {
        const model = rootModel(look, file.path);
        const folder = file.path.slice(0, -MANIFEST.length);
        const covers = look.directory.files
          .map((one) => one.path)
          .filter((path) => path.startsWith(folder) && path !== model);
        return model === null ? [] : [{ format: 'coreml', path: model, role: 'model', covers }];
      });
    const inside = new Set(packages.map((one) => one.path));
    const files = look.directory.files
      .filter((file) => !inside.has(file.path) && looksLikeCoreml(look.head(file), file.path))
      .map((file): Candidate => ({ format: 'coreml', path: file.path, role: 'model', covers: [] }));
    return [...packages, ...files, ...compiledModels(look)];
  },
  read: async (...args) => (await import('./coreml/read.ts')).readCoreml(...args),
};

/** Specification version, then a description whose first field is an input: ONNX has a text in that place. */
function looksLikeCoreml(head: Uint8Array, path: string): boolean {
  if (head[0] !== 0x08 || (head[1] ?? 0) === 0 || (head[1] ?? 0) > 20 || head[2] !== 0x12) return false;
  let at = 3;
  while ((head[at] ?? 0) >= 0x80 && at < 8) at++;
  const inDescription = head[at + 1] === 0x0a && head[at + 3] === 0x0a;
  return path.endsWith('.mlmodel') || inDescription;
}

/** The model within a package, as its manifest names it. */
function rootModel(look: Look, path: string): string | null {
  const file = look.file(path);
  if (!file) return null;
  try {
    const manifest: unknown = JSON.parse(Buffer.from(look.head(file)).toString('utf8'));
    const { rootModelIdentifier: id, itemInfoEntries: entries } = manifest as Record<string, unknown>;
    const entry = (entries as Record<string, { path?: unknown }> | undefined)?.[String(id)];
    const model =
      typeof entry?.path === 'string' ? `${path.slice(0, -MANIFEST.length)}Data/${entry.path}` : null;
    return model !== null && look.file(model) ? model : null;
  } catch {
    return null;
  }
}
