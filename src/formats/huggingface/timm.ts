import { type Candidate, emptyReading, type Look, type Reading } from '../format.ts';
import { assumed, derived, stated, tell, unknown } from '../told.ts';
import { type Json, object } from './facts.ts';
import { readWeights } from './weights.ts';

/** An image model of timm, as it saves them for the hub: `architecture`, `num_classes` and `pretrained_cfg`. */
export async function readTimm(candidate: Candidate, look: Look, config: Json): Promise<Reading> {
  const weights = await readWeights(candidate, look, null);
  const pretrained = object(config['pretrained_cfg']) ?? config;
  const size = (value: unknown) => (Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : null);
  const classes = size(config['num_classes']);
  const input: unknown = pretrained['input_size'];
  const [channels, height, width] = Array.isArray(input) ? input.map(size) : [3];
  const names: unknown = config['label_names'] ?? pretrained['label_names'];
  const labels =
    Array.isArray(names) && names.length === classes && names.every((name) => typeof name === 'string')
      ? names
      : null;
  const { contract, evidence } = tell(
    {
      forward: {
        inputs: [
          {
            name: assumed('x', 'models of timm call it x'),
            type: assumed('float32', 'timm computes in float32'),
            shape:
              channels === undefined
                ? unknown('no input_size is stated')
                : stated(['batch', channels, height ?? null, width ?? null], 'pretrained_cfg.input_size'),
          },
        ],
        outputs: [
          {
            name: assumed('logits', 'the result has no name'),
            type: assumed('float32', 'timm computes in float32'),
            shape: derived(['batch', classes], 'num_classes'),
            ...(labels && { labels: stated(labels, 'label_names') }),
          },
        ],
      },
    },
    'forward',
  );
  return {
    ...emptyReading(candidate),
    framework: { name: 'timm', version: null },
    contract,
    evidence,
    labels,
    parameters: weights.parameters,
    properties: {
      architecture: String(config['architecture']),
      task: classes === null ? 'image-feature-extraction' : 'image-classification',
      ...(weights.precision !== null && { precision: weights.precision }),
    },
    requirements: { timm: null, torch: null },
    remarks: weights.remarks,
  };
}
