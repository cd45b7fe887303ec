import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { commitAll, git, withRemote } from './git-repo.ts';
import { ROOT } from './runner.ts';

export type Variant = 'v1' | 'v2-retrained' | 'v3-breaking';

/** A team's repository with `models/wine` in it, and the remote that it was pushed to. */
export interface WineRepo {
  readonly clone: string;
  readonly remote: string;
  /** Puts another model into the directory. */
  readonly take: (variant: Variant) => void;
  /** Commits everything and gives the commit. */
  readonly commit: () => string;
  readonly push: () => void;
}

export function wineRepo(t: TestContext, variant: Variant = 'v1'): WineRepo {
  const { clone, remote } = withRemote(t);
  // Where the commits of Lading itself are made, somebody has to be their author.
  git(clone, 'config', 'user.name', 'Tester');
  git(clone, 'config', 'user.email', 'tester@example.invalid');
  const folder = join(clone, 'models/wine');
  const take = (one: Variant) => {
    mkdirSync(folder, { recursive: true });
    cpSync(join(ROOT, 'examples/wine/variants', one, 'model.joblib'), join(folder, 'model.joblib'));
  };
  take(variant);
  cpSync(join(ROOT, 'examples/wine/models/wine/requirements.txt'), join(folder, 'requirements.txt'));
  commitAll(clone, {});
  git(clone, 'push', '-q');
  return {
    clone,
    remote,
    take,
    commit: () => commitAll(clone, {}),
    push: () => {
      git(clone, 'push', '-q', 'origin', 'HEAD');
    },
  };
}
