import type { Label } from '../../contract/types.ts';
import { type Candidate, emptyReading, type Reading } from '../format.ts';
import { ASK_FOR_CONTRACT } from '../weights.ts';
import { scanZip } from '../wire/scan.ts';
import { worst } from '../wire/scan-result.ts';
import type { Zip } from '../wire/zip.ts';
import { jsonMember } from './members.ts';
import { isTorchOwn } from './policy.ts';

/** An archive for TorchServe: what its manifest says. The model in it is not read; its handler decides what is sent to it. */
export async function readServed(candidate: Candidate, zip: Zip): Promise<Reading> {
  const model = jsonMember(zip, 'MAR-INF/MANIFEST.json', 1024 * 1024)?.['model'];
  const of = (typeof model === 'object' && model !== null ? model : {}) as Record<string, unknown>;
  const text = (key: string): string | null => (typeof of[key] === 'string' ? of[key].slice(0, 200) : null);
  const scan = await scanZip(zip, candidate.path, { trusted: isTorchOwn });
  const handler = text('handler');
  const code = handler?.endsWith('.py') === true;
  return {
    ...emptyReading(candidate),
    framework: { name: 'torch', version: null },
    labels: labelsIn(jsonMember(zip, 'index_to_name.json', 4 * 1024 * 1024)),
    properties: {
      layout: 'TorchServe archive',
      ...Object.fromEntries(
        (
          [
            ['model name', text('modelName')],
            ['model version', text('modelVersion')],
            ['model file', text('serializedFile')],
            ['handler', handler],
          ] as const
        ).filter((one): one is [(typeof one)[0], string] => one[1] !== null),
      ),
    },
    requirements: { torch: null },
    risk: worst(scan.risk, code ? 'review' : 'none'),
    remarks: [
      ...scan.remarks,
      {
        rule: 'contract-unknown',
        level: 'notice',
        file: candidate.path,
        message: 'what the model takes and returns is decided by the handler in the archive',
        help: ASK_FOR_CONTRACT,
      },
    ],
  };
}

/** `{"0": "cat"}` or `{"0": ["n02123045", "cat"]}`, from 0 on. */
function labelsIn(names: Record<string, unknown> | null): readonly Label[] | null {
  const count = Object.keys(names ?? {}).length;
  if (!names || count === 0 || count > 100_000) return null;
  const labels = Array.from({ length: count }, (_, index) => {
    const name = names[String(index)];
    return Array.isArray(name) ? name.at(-1) : name;
  });
  return labels.every((label): label is string => typeof label === 'string') ? labels : null;
}
