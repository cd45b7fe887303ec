import { toFinding } from '../check/inspect.ts';
import type { Call } from '../image/trial.ts';
import { type Finding, reaches, sortFindings } from '../model/finding.ts';
import { UserError } from '../ports/errors.ts';
import { findingsMarkdown, findingsText } from '../report/findings.ts';
import { code, codeBlock, details, markdownTable, visible } from '../report/markdown.ts';
import { paint, table } from '../report/table.ts';
import { checkModel, effectiveContract } from './checking.ts';
import type { Command, Outcome } from './command.ts';
import { loadConfig } from './config.ts';
import { CONFIG, FAIL_ON, MODEL, NAME } from './inputs.ts';
import { settingsOfOne } from './models.ts';
import { packModel } from './package.ts';
import { BASE_IMAGE, imageOptions } from './publishing.ts';

const inputs = {
  model: { ...MODEL.model, required: true },
  ...NAME,
  tag: {
    kind: 'string',
    description:
      'Name that the image gets in the local Docker, such as `churn:dev`. Default: the name of the model.',
  },
  ...BASE_IMAGE,
  try: {
    kind: 'boolean',
    description: 'Start the image, call it with sample payloads and hold its answers against the contract.',
    default: 'true',
  },
  'dry-run': {
    kind: 'boolean',
    description: 'Only show the Dockerfile and the requirements.',
    default: 'false',
  },
  ...FAIL_ON,
  ...CONFIG,
} as const;

const outputs = {
  name: 'Name of the model.',
  image: 'Name of the image in the local Docker; empty with `dry-run`.',
  base: 'The base image, with its digest where it was built.',
  dockerfile: 'The Dockerfile that was used.',
  findings: 'Findings as JSON.',
} as const;

interface Built {
  readonly name: string;
  readonly path: string;
  readonly image: string | null;
  readonly base: string;
  readonly dockerfile: string;
  readonly requirements: string;
  readonly calls: readonly Call[];
  readonly findings: readonly Finding[];
}

export const build: Command<typeof inputs> = {
  name: 'build',
  summary: 'Build the image that serves a model, start it and call it',
  inputs,
  outputs,
  async run(values, ports) {
    const config = await loadConfig(ports.cwd, values.config);
    const settings = await settingsOfOne(values, config, ports.cwd);
    const none = { main: null, published: [], reason: 'a build compares with nothing' };
    const model = await checkModel(settings, none, { policy: null, failOn: values['fail-on'] }, ports);
    const contract = effectiveContract(model);
    if (contract === null || model.findings.some((one) => one.level === 'error')) {
      if (model.findings.length === 0)
        throw new UserError(`nothing says how "${settings.name}" is called`, {
          file: settings.path,
          help: 'Write a contract.yaml with its inputs and outputs; the model files do not say them.',
        });
      return outcome(
        {
          name: settings.name,
          path: settings.path,
          image: null,
          base: '',
          dockerfile: '',
          requirements: '',
          calls: [],
          findings: model.findings,
        },
        1,
      );
    }
    using packed = await packModel(model.directory, model.inspected.inspection, contract, new Map());
    const options = imageOptions(packed, model, contract, values, ports);
    const { buildImage, planImage } = await import('../image/docker.ts');
    const own = (remarks: Parameters<typeof toFinding>[0][]) =>
      remarks.map((remark) => toFinding(remark, settings.name, model.directory));
    const failOn = values['fail-on'] ?? settings.failOn;
    const done = (built: Omit<Built, 'name' | 'path'>): Outcome => {
      const findings = sortFindings([...model.findings, ...built.findings]);
      const failed = findings.some((one) => reaches(one.level, failOn));
      return outcome({ ...built, findings, name: settings.name, path: settings.path }, failed ? 1 : 0);
    };
    if (values['dry-run']) {
      const { base, dockerfile, requirements, remarks } = planImage(options);
      return done({ image: null, base, dockerfile, requirements, calls: [], findings: own([...remarks]) });
    }
    await using built = await ports.log.group(`Build the image of ${settings.name}`, () =>
      buildImage(options, ports),
    );
    const { base, dockerfile, requirements, remarks } = built.plan;
    const tried = values.try
      ? await ports.log.group('Start it and call it', async () => {
          const { tryImage } = await import('../image/trial.ts');
          return tryImage({ reference: built.reference, contract, directory: packed.directory }, ports);
        })
      : { remarks: [], calls: [] };
    const tag = values.tag ?? settings.name;
    const tagged = await ports.exec('docker', ['image', 'tag', built.reference, tag]);
    if (tagged.code !== 0)
      throw new UserError(`the image cannot be called "${tag}": ${tagged.stderr.trim()}`, {
        help: 'Check the input "tag": it is a name as Docker knows it, such as churn:dev.',
      });
    return done({
      image: tag,
      base,
      dockerfile,
      requirements,
      calls: tried.calls,
      findings: own([...remarks, ...tried.remarks]),
    });
  },
};

function outcome(built: Built, exitCode: 0 | 1): Outcome {
  const { name, path, image, base, dockerfile, requirements, calls, findings } = built;
  const rows = calls.map((call) => ({
    signature: call.signature,
    status: String(call.status),
    request: shorten(call.request),
    response: shorten(call.response),
  }));
  return {
    exitCode,
    outputs: { name, image: image ?? '', base, dockerfile, findings: JSON.stringify(findings) },
    json: built,
    findings,
    text: [
      `${paint.bold(name)} ${paint.dim(visible(path))}${image === null ? '' : `  ${paint.green(visible(image))}`}`,
      ...(base === '' ? [] : [table([[paint.dim('base'), visible(base)]], '  ')]),
      ...(image === null && dockerfile !== ''
        ? ['', dockerfile.trimEnd(), '', paint.dim('requirements.txt'), requirements.trimEnd()]
        : []),
      ...rows.map(
        (row) =>
          `  ${paint.cyan(visible(row.signature))} ${visible(row.request)} ${paint.dim('→')} ${row.status} ${visible(row.response)}`,
      ),
      ...(findings.length > 0 ? ['', findingsText(findings)] : []),
    ].join('\n'),
    markdown: [
      `### ${code(name)}${image === null ? '' : `: ${code(image)}`}`,
      ...(rows.length > 0
        ? [
            markdownTable(
              ['Signature', 'Request', 'Status', 'Response'],
              rows.map((row) => [code(row.signature), code(row.request), row.status, code(row.response)]),
            ),
          ]
        : []),
      ...(findings.length > 0 ? [findingsMarkdown(findings)] : []),
      ...(dockerfile === '' ? [] : [details('Dockerfile', codeBlock(dockerfile, 'dockerfile'))]),
    ].join('\n\n'),
  };
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}
