import { type LedgerStore, openStore } from '../ledger/store.ts';
import { gitPort } from '../ports/git.ts';
import type { InputSpec, Ports } from './command.ts';

/** Where the ledger is, and with whose rights it is written. */
export const LEDGER = {
  'ledger-branch': {
    kind: 'string',
    description:
      'Branch that holds the ledger. Default: the default branch of the remote; without a remote, the branch that is checked out.',
  },
} as const satisfies Record<string, InputSpec>;

export const LEDGER_TOKEN = {
  'ledger-token': {
    kind: 'string',
    secret: true,
    description:
      'Token to fetch and push the ledger with. Default: the credentials that actions/checkout left behind.',
  },
} as const satisfies Record<string, InputSpec>;

/** The ledgers of the repository that the command runs in. @throws UserError outside of one. */
export function openLedger(
  given: { readonly 'ledger-branch': string | null; readonly 'ledger-token'?: string | null },
  ports: Ports,
): Promise<LedgerStore> {
  const token = given['ledger-token'] ?? null;
  const git = gitPort(ports.exec, ports.cwd, {
    env: ports.env,
    ...(token !== null && {
      auth: { server: ports.env['GITHUB_SERVER_URL'] ?? 'https://github.com', token },
    }),
  });
  return openStore({ git, log: ports.log, now: ports.now, branch: given['ledger-branch'] ?? undefined });
}
