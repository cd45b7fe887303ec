import { resolve } from 'node:path';
import { inspectModel } from '../check/inspect.ts';
import { reaches } from '../model/finding.ts';
import { walk } from '../model/walk.ts';
import { inspectionMarkdown, inspectionText } from '../report/inspection.ts';
import type { Command } from './command.ts';
import { loadConfig } from './config.ts';
import { CONFIG, FAIL_ON, MODEL, NAME } from './inputs.ts';
import { settingsOfOne } from './models.ts';

const inputs = {
  model: { ...MODEL.model, required: true },
  ...NAME,
  file: {
    kind: 'string',
    description: 'File or folder within the directory that is the model, where several could be.',
  },
  digest: {
    kind: 'boolean',
    description: 'Hash every file, and hold the directory to its checksum.txt.',
    default: 'false',
  },
  ...FAIL_ON,
  ...CONFIG,
} as const;

const outputs = {
  name: 'Name of the model.',
  format: 'Id of the format, such as `onnx`; empty where there is no model.',
  framework: 'Framework and version that the model states, such as `scikit-learn 1.5.2`.',
  contract: 'The inferred contract as JSON; empty where nothing is known.',
  verdict: '`clean`, `review`, `dangerous` or `not-a-model`.',
  parameters: 'Count of trained parameters; empty where it is not known.',
  digest: 'SHA-256 of the content, where `digest` is on.',
  findings: 'Findings as JSON.',
} as const;

export const inspect: Command<typeof inputs> = {
  name: 'inspect',
  summary: 'Detect the format, infer the contract and lint a model, without running it',
  inputs,
  outputs,
  async run(values, ports) {
    const config = await loadConfig(ports.cwd, values.config);
    const settings = await settingsOfOne(values, config, ports.cwd, true);
    const directory = walk(settings.path, resolve(ports.cwd, settings.path));
    const { inspection } = await inspectModel(directory, {
      name: settings.name,
      choice: values.file ?? settings.file,
      digest: values.digest,
    });
    const { framework, contract } = inspection;
    const failOn = values['fail-on'] ?? settings.failOn;
    return {
      exitCode: inspection.findings.some((one) => reaches(one.level, failOn)) ? 1 : 0,
      json: inspection,
      findings: inspection.findings,
      // One of them is shown at most, and of a model with very many columns each is large.
      get outputs() {
        return {
          name: inspection.name,
          format: inspection.format ?? '',
          framework: framework
            ? [framework.name, framework.version].filter((part) => part !== null).join(' ')
            : '',
          contract: contract ? JSON.stringify(contract) : '',
          verdict: inspection.verdict,
          parameters: inspection.parameters === null ? '' : String(inspection.parameters),
          digest: inspection.digest ?? '',
          findings: JSON.stringify(inspection.findings),
        };
      },
      get text() {
        return inspectionText(inspection);
      },
      get markdown() {
        return inspectionMarkdown(inspection);
      },
    };
  },
};
