import { join } from 'node:path';
import { canonicalJson } from '../../src/contract/canonical.ts';
import type { Contract } from '../../src/contract/types.ts';
import { openStore } from '../../src/ledger/store.ts';
import { digestFiles } from '../../src/model/digest.ts';
import { walk } from '../../src/model/walk.ts';
import { assembleArtifact } from '../../src/oci/artifact.ts';
import { layoutRepository } from '../../src/oci/layout.ts';
import type { Repository } from '../../src/oci/types.ts';
import { type Exec, execLocal } from '../../src/ports/exec.ts';
import { gitPort } from '../../src/ports/git.ts';
import { silent } from '../../src/ports/log.ts';
import { type Compare, type Publication, type PublishPlan, publishModel } from '../../src/release/publish.ts';

/** A publish as data, so that it can be run in this process or in one that is killed. */
export interface Run {
  /** Repository with the model directory `model`. */
  readonly cwd: string;
  /** Root of the OCI layouts. */
  readonly layouts: string;
  readonly contract?: Contract;
  readonly onUnchanged?: 'skip' | 'publish';
  readonly versioning?: 'semver' | 'integer';
  readonly version?: string | null;
  readonly commit?: string | null;
  readonly run?: string | null;
  readonly name?: string;
  readonly branch?: string;
  /** The process kills itself after this step, the `times`-th time that it is reached. */
  readonly killAt?: string;
  /** In this process only: stands in the way of effects, such as git's and the registry's. */
  readonly effect?: (what: string) => void;
  readonly auth?: { readonly server: string; readonly token: string };
}

export const CONTRACT: Contract = {
  contract: 'v1',
  signatures: {
    predict: {
      inputs: [{ name: 'x', type: 'float64', shape: ['batch'] }],
      outputs: [{ name: 'y', type: 'int64', shape: ['batch'] }],
    },
  },
};

/** All that the tests of publishing need of a comparison: another contract is a break. */
const compare: Compare = (before, after) =>
  canonicalJson(before) === canonicalJson(after)
    ? { bump: 'patch', changes: [] }
    : {
        bump: 'major',
        changes: [{ rule: 'other', bump: 'major', subject: 'predict', message: 'it is another <contract>' }],
      };

const FIXED = new Date('2026-03-04T05:06:07Z');

export async function runPublish(run: Run): Promise<Publication> {
  const name = run.name ?? 'wine';
  const directory = walk('model', join(run.cwd, 'model'));
  const files = await digestFiles(directory);
  const effect = run.effect ?? (() => {});
  const exec: Exec = (...call) => {
    // Its command: what comes after the settings (`-c x=y`) and the folder (`-C x`).
    effect(call[1].find((arg, at, all) => !/^-c$/i.test(arg) && !/^-c$/i.test(all[at - 1] ?? '')) ?? '');
    return execLocal(...call);
  };
  const git = gitPort(exec, run.cwd, run.auth ? { auth: run.auth } : {});
  const store = await openStore({
    git,
    log: silent,
    now: () => FIXED,
    branch: run.branch,
    step: (done) => {
      if (done === run.killAt) process.kill(process.pid, 'SIGKILL');
    },
    pause: async (milliseconds) => new Promise((go) => setTimeout(go, Math.min(milliseconds, 300))),
  });
  const plan: PublishPlan = {
    name,
    contract: run.contract ?? CONTRACT,
    framework: { name: 'scikit-learn', version: '1.5.2' },
    parameters: null,
    files,
    repository: watched(layoutRepository(run.layouts, name, 'build/oci'), effect),
    assemble: async () =>
      assembleArtifact(
        files.map((file) => ({ ...file, absolute: join(directory.absolute, file.path) })),
        [],
        { format: 'sklearn' },
      ),
    labels: { team: 'cellar' },
    commit: run.commit ?? null,
    source: null,
    run: run.run ?? null,
    onUnchanged: run.onUnchanged ?? 'skip',
    versioning: run.versioning ?? 'semver',
    version: run.version ?? null,
    sample: null,
  };
  return publishModel(plan, { store, compare });
}

function watched(repository: Repository, effect: (what: string) => void): Repository {
  return {
    ...repository,
    putBlob: (blob) => {
      effect('putBlob');
      return repository.putBlob(blob);
    },
    putManifest: (bytes, type) => {
      effect('putManifest');
      return repository.putManifest(bytes, type);
    },
    tag: (digest, tag) => {
      effect('tag');
      return repository.tag(digest, tag);
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const result = await runPublish(JSON.parse(process.argv[2] ?? '{}') as Run);
  process.stdout.write(JSON.stringify(result));
}
