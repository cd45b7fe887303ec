import { UserError } from './errors.ts';

/** The last lines that a program wrote to standard error, as one short line. Untrusted text. */
export function lastWords(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('hint:'));
  const telling = lines.filter((line) => /^(fatal|error|remote):/.test(line));
  return (telling.length > 0 ? telling : lines).slice(-3).join(' / ').slice(0, 500) || 'it said nothing';
}

/** What git says when the network or the server failed: the same call may work in a moment. */
const TRANSIENT =
  /returned error: (?:429|5\d\d)|Could not resolve host|Connection (?:refused|reset|timed out)|Operation timed out|RPC failed|hung up unexpectedly|early EOF|unexpected disconnect|Internal Server Error|SSL_ERROR_SYSCALL|gnutls_handshake|Empty reply from server/i;

export function isTransient(stderr: string): boolean {
  return TRANSIENT.test(stderr);
}

/**
 * Turns git's failure into a message that says what to do. Git fails because of its surroundings (rights, network,
 * the state of the repository), so that this is never a bug of ours.
 * @param doing what was tried, such as `read the branch "main" of origin`.
 */
export function gitTrouble(doing: string, code: number, stderr: string): UserError {
  const help = explain(code, stderr);
  return new UserError(`git could not ${doing}: ${lastWords(stderr)}`, help === undefined ? {} : { help });
}

function explain(code: number, stderr: string): string | undefined {
  if (code === 127) return 'Install git; Lading works on the git repository that holds the models.';
  if (/not a git repository/i.test(stderr))
    return 'Run inside a git repository (actions/checkout makes one; `git init` does on a terminal).';
  if (/dubious ownership/i.test(stderr))
    return 'The checkout belongs to another user: `git config --global --add safe.directory "$GITHUB_WORKSPACE"`.';
  if (/GH013|rule violations|GH006|protected branch/i.test(stderr))
    return (
      'The branch is protected. Let the identity that publishes bypass the rule (a GitHub App token as "token"), ' +
      'or keep the ledger on a branch of its own ("ledger-branch").'
    );
  if (/pre-receive hook declined|hook declined/i.test(stderr))
    return 'A hook of the server refused the commit; its message is above. Keep the ledger on a branch that the hook lets through.';
  if (/returned error: 403|Permission to .* denied|Write access to repository not granted/i.test(stderr))
    return 'The token may not write: give the job `permissions: contents: write`. A pull request from a fork never can.';
  if (
    /returned error: 40[14]|could not read (?:Username|Password)|Authentication failed|terminal prompts disabled/i.test(
      stderr,
    )
  )
    return 'There are no credentials for the remote: give "token", or let actions/checkout keep its own (persist-credentials: true).';
  if (/Permission denied \(publickey/i.test(stderr))
    return 'The SSH key is not accepted by the server: check the deploy key and that it may write.';
  if (/Repository not found|does not appear to be a git repository|repository '.*' not found/i.test(stderr))
    return 'Check the URL of the remote (`git remote -v`), and that the token may see it.';
  if (/Unable to create '.*\.lock'|\.lock': File exists/i.test(stderr))
    return 'Another git process is at work in this repository, or one was killed: remove the lock file when none is.';
  if (/missing blob|bad object|could not fetch|unable to read/i.test(stderr))
    return 'The clone lacks objects: check out with `fetch-depth: 0`, or run `git fsck`.';
  return undefined;
}
