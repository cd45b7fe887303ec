/**
 * Bundles the actions and the command line into `dist/`: one small entry each, with shared chunks, so that a
 * workflow needs no `npm install`. `--check` builds beside it and compares: `dist/` is committed and must be
 * what the sources give.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, rolldown } from 'rolldown';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SERVER = 'src/image/server';
/** What GitHub downloads at every use of an action. */
const MAX_BYTES = 3_000_000;

/** The shortest way through the program: a terminal, the options of a command, `inspect`, and what finds a model. */
const SHORTEST = ['src/cli/main.ts', 'src/commands/inspect.ts'];

/** What those have from elsewhere: a hash, and what the bundler puts in for `using`. */
const SHARED = /^\0|[\\/]@noble[\\/]hashes[\\/]/;

/** The sources that these import statically, and what those import. */
function importedBy(starts: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, target] of text.matchAll(
      /^(?:import|export) (?!type )[^;]*? from '(\.[^']+\.(?:ts|json))'[^;]*;$/gm,
    ))
      visit(join(dirname(file), target ?? ''));
  };
  for (const start of starts) visit(join(ROOT, start));
  return seen;
}

/** One chunk a folder of readers, and one for what they have in common. */
function readerChunk(id: string): string | null {
  const [folder, ...below] = relative(join(ROOT, 'src/formats'), id).split(sep);
  if (folder === undefined || folder === '..') return null;
  if (below.length === 0) return 'readers';
  // Objects of scikit-learn's interface hold models of all three.
  if (['catboost', 'lightgbm', 'xgboost'].includes(folder)) return 'boosters';
  if (folder !== 'wire') return below.length > 1 ? `${folder}-${below[0]}` : folder;
  return below.length > 1 || /^scan/.test(below[0] ?? '') ? 'pickle' : 'readers';
}

/** Entry name → source. Every file in `src/actions/` that only starts a command is an entry. */
function entries(): Record<string, string> {
  const actions = readdirSync(join(ROOT, 'src/actions'))
    .filter((file) => readFileSync(join(ROOT, 'src/actions', file), 'utf8').includes('\nawait runAction('))
    .map((file) => [basename(file, '.ts'), join(ROOT, 'src/actions', file)]);
  return { cli: join(ROOT, 'src/cli.ts'), ...Object.fromEntries(actions) };
}

async function build(target: string): Promise<void> {
  const core = importedBy(SHORTEST);
  const bundle = await rolldown({
    input: entries(),
    cwd: ROOT,
    platform: 'node',
    // Nobody imports the entries.
    preserveEntrySignatures: false,
    // Problems of the bundler are problems of the build.
    onLog(level, log) {
      if (level === 'warn') throw new Error(`rolldown: ${log.message}`);
    },
    checks: { eval: false, circularDependency: false },
    // Node 20 runs the command line too, and it has no `using`.
    transform: { target: 'node20' },
    resolve: { conditionNames: ['node', 'import', 'default'] },
  });
  const { output } = await bundle.generate({
    format: 'esm',
    minify: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    // What every start needs is one file: each further one costs about half a millisecond.
    codeSplitting: {
      groups: [
        {
          name: 'core',
          test: (id) => core.has(id) || SHARED.test(id),
          priority: 2,
          includeDependenciesRecursively: false,
        },
        { name: readerChunk, debugName: 'readers', priority: 1, includeDependenciesRecursively: false },
      ],
    },
  });
  await bundle.close();
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, 'chunks'), { recursive: true });
  const chunks = output.filter((one): one is OutputChunk => one.type === 'chunk');
  for (const [file, code] of withoutFacades(chunks)) writeFileSync(join(target, file), ownModules(code));
  writeFileSync(join(target, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(target, 'licenses.txt'), licences(chunks));
  copyServer(target);
}

/**
 * File → code, without the chunks that only hand on what another one exports (the bundler makes one for each dynamic
 * import): who imports them takes it from there. Each is half a millisecond where it is loaded.
 */
function withoutFacades(chunks: readonly OutputChunk[]): ReadonlyMap<string, string> {
  const facades = new Map<string, string>();
  for (const { fileName, code } of chunks) {
    const [, names, from] = /^export\{([^}]*)\}from"\.\/([^"]+)";\s*$/.exec(code) ?? [];
    if (names === undefined) continue;
    const properties = names.split(',').map((name) => name.replace(/^(.+) as (.+)$/, '$2:e.$1'));
    facades.set(basename(fileName), `${from}\`).then(e=>({${properties.join(',')}}))`);
  }
  const rest = chunks.filter(({ fileName }) => !facades.has(basename(fileName)));
  return new Map(
    rest.map(({ fileName, code }) => [
      fileName,
      code.replace(/(import\(`[^`]*\/)([\w-]+\.js)`\)/g, (whole, before: string, file: string) => {
        const after = facades.get(file);
        return after === undefined ? whole : `${before}${after}`;
      }),
    ]),
  );
}

/**
 * Takes modules of Node's own as plain objects. An `import` of `node:fs` reads all that it exports, getters too, and
 * those load thirty modules (streams, promises, readline) behind them: 3 milliseconds of each start.
 */
function ownModules(code: string): string {
  return code.replace(
    /\bimport\{([^}]*)\}from(`|")(node:[\w/]+)\2/g,
    (_, names: string, _quote, name: string) =>
      `const{${names.replace(/ as /g, ':')}}=process.getBuiltinModule("${name}")`,
  );
}

/** The Python server that images get. Caches and tests of it stay behind. */
function copyServer(target: string): void {
  const from = join(ROOT, SERVER);
  cpSync(from, join(target, 'server'), {
    recursive: true,
    filter: (source) => {
      const path = relative(from, source);
      const skipped = path
        .split(sep)
        .some((part) => part.startsWith('.') || part === '__pycache__' || part === 'tests');
      return !skipped && (statSync(source).isDirectory() || /\.(py|typed)$/.test(source));
    },
  });
}

/** Licence texts of all packages of which code is in the bundle. */
function licences(chunks: readonly OutputChunk[]): string {
  const folders = new Set<string>();
  for (const chunk of chunks)
    for (const id of chunk.moduleIds) {
      const path = relative(ROOT, id.replace(/^\0/, '').split('?')[0] ?? '').split(sep);
      const at = path.lastIndexOf('node_modules');
      if (at === -1) continue;
      const depth = path[at + 1]?.startsWith('@') ? 3 : 2;
      folders.add(path.slice(0, at + depth).join('/'));
    }
  return [...folders]
    .sort()
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as {
        name: string;
        version: string;
        license?: string;
      };
      const files = readdirSync(join(ROOT, folder)).filter((file) =>
        /^(licen[cs]e|copying|notice)/i.test(file),
      );
      const texts = files.sort().map((file) => readFileSync(join(ROOT, folder, file), 'utf8').trim());
      return [`${manifest.name} ${manifest.version} (${manifest.license ?? 'see text'})`, ...texts].join(
        '\n\n',
      );
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');
}

/** All files below `folder`, as relative paths with `/`. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

function totalSize(folder: string): number {
  return listFiles(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

/** Files that are missing, left over or different in `actual`. */
function differences(expected: string, actual: string): string[] {
  const [want, have] = [listFiles(expected), listFiles(actual)];
  return [
    ...want.filter((file) => !have.includes(file)).map((file) => `${file} is missing`),
    ...have.filter((file) => !want.includes(file)).map((file) => `${file} is left over`),
    ...want
      .filter((file) => have.includes(file))
      .filter((file) => !readFileSync(join(expected, file)).equals(readFileSync(join(actual, file))))
      .map((file) => `${file} differs`),
  ];
}

const dist = join(ROOT, 'dist');
if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'lading-dist-'));
  await build(fresh);
  const different = differences(fresh, dist);
  rmSync(fresh, { recursive: true });
  if (different.length > 0) {
    console.error(
      `dist/ is not what the sources give; run \`npm run build\` and commit it:\n  ${different.join('\n  ')}`,
    );
    process.exit(1);
  }
  console.log('dist/ is current');
} else {
  await build(dist);
}
const size = totalSize(dist);
console.log(`dist/: ${listFiles(dist).length} files, ${(size / 1e6).toFixed(2)} MB`);
if (size > MAX_BYTES) {
  console.error(`dist/ is larger than ${MAX_BYTES / 1e6} MB`);
  process.exit(1);
}
