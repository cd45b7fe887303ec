/**
 * `npm run demo`: a model's whole way, in a scratch repository with a remote of its own, by the built `lading` as
 * users run it. Needs Node and git; with Docker at hand it also builds the image and calls it.
 * Ends with 1 when any step behaves other than it should. `npm run demo -- --keep` leaves the repository to play with.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callImage, findBase } from './demo/image.ts';
import { git, lading, quietly, Unexpected } from './demo/run.ts';
import { blank, chapter, command, done, failed, note, output, skipped, style, title } from './demo/screen.ts';

const WINE = fileURLToPath(new URL('../examples/wine', import.meta.url));
const MODEL = 'models/wine';

const keep = process.argv.includes('--keep');
const scratch = mkdtempSync(join(tmpdir(), 'lading-demo-'));
const remote = join(scratch, 'remote.git');
const repo = join(scratch, 'wines');
const quietGit = async (...args: string[]) => {
  const { code, text } = await quietly(repo, 'git', args);
  if (code !== 0) throw new Unexpected(`git ${args.join(' ')} ended with ${code}\n${text}`);
};

try {
  title('Lading', [
    'gives every model that leaves a repository a receipt, a contract and a title.',
    `A scratch repository with a remote of its own: ${scratch}`,
  ]);
  await commitModel();
  await inspectAndGenerate();
  await publishTwice();
  await buildAndCall();
  await breakingPullRequest();
  done(`Every step did what it should.${keep ? ` The repository is ${repo}` : ''}`);
  blank();
} catch (error) {
  failed(error instanceof Unexpected ? error.message : String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
} finally {
  if (!keep) rmSync(scratch, { recursive: true, force: true });
}

/** The repository of a team that has heard nothing of Lading yet. */
async function commitModel(): Promise<void> {
  chapter(
    'A data scientist commits a model',
    'A scikit-learn pipeline, saved with joblib, and the packages it was trained with. No Python here from now on.',
  );
  await quietly(scratch, 'git', ['init', '--quiet', '--bare', '--initial-branch=main', remote]);
  await quietly(scratch, 'git', ['clone', '--quiet', remote, repo]);
  await quietGit('config', 'user.name', 'Ada');
  await quietGit('config', 'user.email', 'ada@example.org');
  await quietGit('config', 'commit.gpgsign', 'false');
  await quietGit('checkout', '--quiet', '-B', 'main');
  mkdirSync(join(repo, MODEL), { recursive: true });
  cpSync(join(WINE, MODEL, 'requirements.txt'), join(repo, MODEL, 'requirements.txt'));
  takeModel('v1');
  await quietGit('add', '.');
  await quietGit('commit', '--quiet', '--message', 'Tell wines apart by twelve measurements');
  await quietGit('push', '--quiet', '--set-upstream', 'origin', 'main');
  await git(repo, ['show', '--stat', '--format=%s (%an)', 'HEAD']);
}

async function inspectAndGenerate(): Promise<void> {
  chapter(
    'What does it take, and what does it give?',
    'Read out of the bytes of the pickle. Nothing is loaded and nothing runs.',
  );
  await lading(repo, ['inspect', MODEL], { shows: ['alcohol', 'float64', 'barolo', /scikit-learn/i] });

  chapter(
    'The contract goes into the repository',
    'What is missing is written, for people to read and to review. What they wrote themselves is left alone.',
  );
  await lading(repo, ['generate', MODEL], { shows: ['contract.yaml'] });
  await quietGit('add', '.');
  await quietGit('commit', '--quiet', '--message', 'State what the wine model takes and gives');
  await quietGit('push', '--quiet');
  await lading(repo, ['check', MODEL]);
}

async function publishTwice(): Promise<void> {
  chapter(
    'A push to main publishes a version',
    'No registry is named here: the model goes to an OCI layout in build/oci. The ledger goes back to the branch.',
  );
  await lading(repo, ['publish', MODEL], { shows: ['sha256:'] });
  await quietGit('pull', '--quiet', '--ff-only');

  chapter('Retrained on Friday', 'Other weights, same columns: no caller notices, so it is a patch.');
  takeModel('v2-retrained');
  await git(repo, ['commit', '--all', '--message', 'Retrain with more regularisation']);
  await quietGit('push', '--quiet');
  await lading(repo, ['publish', MODEL], { shows: ['sha256:'] });
  await quietGit('pull', '--quiet', '--ff-only');
  await showLedger();
  await showNotes();

  chapter(
    'And again, with nothing new',
    'The content is known, so nothing is pushed and no version is spent.',
  );
  await lading(repo, ['publish', MODEL], { shows: [/unchanged/i] });
}

/** The lines as they are, without the parts that fill a screen. */
async function showLedger(): Promise<void> {
  const { stdout } = await quietly(repo, 'git', ['show', 'origin/main:ledger/wine.jsonl']);
  const lines = stdout.trimEnd().split('\n');
  if (lines.length !== 2) throw new Unexpected(`the ledger has ${lines.length} lines; 2 were expected`);
  await git(repo, ['log', '--format=%h  %an  %s', 'origin/main']);
  note('ledger/wine.jsonl, shortened:');
  for (const line of lines) {
    const event: Record<string, unknown> = JSON.parse(line);
    output(
      ['seq', 'event', 'version', 'bump', 'digest', 'prev']
        .map((key) => `${style('dim', `${key} `)}${cut(String(event[key]))}`)
        .join('  '),
    );
  }
  output(
    style(
      'dim',
      'Each line carries the hash of the line before, the whole contract and the SHA-256 of every file.',
    ),
  );
}

/** The release notes of the second version, up to the contract, which chapter 2 has shown already. */
async function showNotes(): Promise<void> {
  const path = 'ledger/wine/1.0.1.md';
  const { stdout } = await quietly(repo, 'git', ['show', `origin/main:${path}`]);
  const lines = stdout.split('\n');
  const end = lines.indexOf('## Contract');
  if (end === -1) throw new Unexpected(`the release notes ${path} have no contract:\n${stdout}`);
  command(`head -n ${end - 1} ${path}`);
  output(lines.slice(0, end - 1).join('\n'));
}

async function buildAndCall(): Promise<void> {
  chapter(
    'The image answers',
    'Dependencies pinned from what the model says about itself; a request that breaks the contract never reaches it.',
  );
  const found = await findBase(repo);
  if ('why' in found) return skipped('building the image and calling it', found.why);
  await lading(repo, ['build', MODEL, '--base-image', found.base, '--tag', 'lading-demo/wine:demo']);
  const good = {
    alcohol: [13.72],
    malic_acid: [1.9],
    ash: [2.4],
    alcalinity_of_ash: [17],
    magnesium: [106],
    total_phenols: [2.8],
    flavanoids: [3],
    nonflavanoid_phenols: [0.3],
    proanthocyanins: [1.9],
    color_intensity: [5.5],
    hue: [1.06],
    od280_od315: [3.2],
  };
  const bad = { ...good, alcohol: ['strong'] };
  await callImage(repo, 'lading-demo/wine:demo', good, bad);
  await quietly(repo, 'docker', ['image', 'rm', 'lading-demo/wine:demo']);
}

async function breakingPullRequest(): Promise<void> {
  chapter(
    'A pull request that would break every caller',
    'Retrained with one column more, `proline`, which nobody sends. The contract was generated anew, so it is true',
    'to the model; and it is held against the version that callers use.',
  );
  await quietGit('checkout', '--quiet', '-b', 'with-proline');
  takeModel('v3-breaking');
  await lading(repo, ['generate', MODEL], {
    shows: [/refreshed +contract\.yaml/, /kept +requirements\.txt/],
  });
  await git(repo, ['commit', '--all', '--message', 'Use proline as well']);
  const { text } = await lading(repo, ['check', MODEL], {
    code: 1,
    shows: [/models\/wine\/contract\.yaml:\d+/, 'proline'],
  });
  const line = /contract\.yaml:(\d+)/.exec(text)?.[1] ?? '';
  command(`sed -n ${line}p ${MODEL}/contract.yaml`);
  const named = await quietly(repo, 'sed', ['-n', `${line}p`, `${MODEL}/contract.yaml`]);
  output(named.stdout);
  if (!named.stdout.includes('proline'))
    throw new Unexpected(`line ${line} is not the one that breaks callers`);
}

function takeModel(variant: string): void {
  cpSync(join(WINE, 'variants', variant, 'model.joblib'), join(repo, MODEL, 'model.joblib'));
}

function cut(text: string): string {
  return text.length > 22 ? `${text.slice(0, 19)}…` : text;
}
