import { UserError } from '../ports/errors.ts';
import { isReleaseTag } from '../release/release.ts';
import { readEvent } from './changed.ts';
import { check } from './check.ts';
import type { Command, InputSpec, Ports } from './command.ts';
import { publish } from './publish.ts';
import { release } from './release.ts';

const COMMANDS = ['check', 'publish', 'release'] as const;
type Choice = (typeof COMMANDS)[number];

const inputs = {
  command: {
    kind: 'choice',
    choices: COMMANDS,
    description:
      'What to do. Default, by the event: a pull request is checked, a push to the default branch publishes what changed, a release tag is released.',
  },
  ...check.inputs,
  ...publish.inputs,
  ...release.inputs,
  token: {
    ...release.inputs.token,
    description: 'Token to comment on a pull request with, and to create a GitHub Release with.',
  },
} as const satisfies Record<string, InputSpec>;

const outputs = {
  ...release.outputs,
  ...publish.outputs,
  ...check.outputs,
  models:
    'Every model with what became of it, as JSON (`models` of schemas/check.json or schemas/publish.json).',
  command: 'What was done: `check`, `publish`, `release`, or empty for a tag that is no release tag.',
} as const;

/** The all-in-one: looks at the event and runs the command that belongs to it. */
export const main: Command<typeof inputs> = {
  name: 'main',
  summary:
    'Check pull requests, publish what a push changed, and release by tag: a contract, an immutable version and an image for every model',
  inputs,
  outputs,
  async run(values, ports) {
    const empty = Object.fromEntries(Object.keys(outputs).map((name) => [name, '']));
    const command = values.command ?? commandOf(ports);
    if (command === null)
      return {
        exitCode: 0,
        outputs: empty,
        json: null,
        findings: [],
        text: 'this tag is no release tag: nothing to do',
        markdown: '',
      };
    ports.log.info(`lading ${command}`);
    const outcome = await run(command, values, ports);
    return { ...outcome, outputs: { ...empty, ...outcome.outputs, command } };
  },
};

function run(command: Choice, values: Parameters<typeof main.run>[0], ports: Ports) {
  switch (command) {
    case 'check':
      return check.run(values, ports);
    case 'publish':
      return publish.run(values, ports);
    case 'release':
      return release.run(values, ports);
  }
}

/** The command that belongs to an event; `null` for a tag that has nothing to do with models. */
export function commandOf(ports: Ports): Choice | null {
  const { GITHUB_EVENT_NAME: event, GITHUB_REF: ref } = ports.env;
  switch (event) {
    case 'pull_request':
    case 'merge_group':
      return 'check';
    case 'push': {
      if (ref?.startsWith('refs/tags/')) return isReleaseTag(ref) ? 'release' : null;
      const branch = readEvent(ports.env).repository?.default_branch;
      return branch !== undefined && ref === `refs/heads/${branch}` ? 'publish' : 'check';
    }
    case 'pull_request_target':
      throw new UserError('this action does not run for pull_request_target', {
        help: 'That event has the secrets of the repository and the files of a stranger. Use `on: pull_request`: the check needs no secret.',
      });
    default:
      throw new UserError(`it is not clear what to do for the event "${event ?? ''}"`, {
        help: `Set "command" to one of: ${COMMANDS.join(', ')}.`,
      });
  }
}
