import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { assumed, derived, tell } from '../told.ts';
import { ASK_FOR_CONTRACT } from '../weights.ts';
import { object } from './facts.ts';
import { readJson } from './json.ts';
import { readWeights } from './weights.ts';

/** Pipelines that make pictures from text alone. */
const TEXT_TO_IMAGE =
  /^(StableDiffusion(XL|3)?|Flux|PixArt\w+|Sana\w*|AuraFlow|HunyuanDiT|Kolors|Lumina\w*|LatentConsistencyModel|QwenImage|CogView\w+|Chroma)Pipeline$/;
/** More components than any pipeline has. */
const MAX_COMPONENTS = 100;

/** A pipeline of diffusers: `model_index.json` lists its models, one folder each. */
export async function readPipeline(candidate: Candidate, look: Look): Promise<Reading> {
  const index = readJson(look, candidate.path);
  if (!index) throw new Malformed('model_index.json is not a JSON object');
  const root = candidate.path.slice(0, -'model_index.json'.length);
  const components = Object.entries(index)
    .filter(([, value]) => Array.isArray(value) && typeof value[1] === 'string')
    .map(([name]) => name)
    .slice(0, MAX_COMPONENTS);
  const remarks: Remark[] = [];
  let parameters: number | null = 0;
  for (const name of components) {
    const folder = `${root}${name}/`;
    const covers = candidate.covers.filter((path) => path.startsWith(folder));
    if (!covers.some((path) => /\.(safetensors|bin)$/.test(path))) continue;
    const weights = await readWeights({ ...candidate, covers }, look, null);
    remarks.push(...weights.remarks);
    parameters = parameters === null || weights.parameters === null ? null : parameters + weights.parameters;
  }
  const pipeline = typeof index['_class_name'] === 'string' ? index['_class_name'] : '';
  const told = TEXT_TO_IMAGE.test(pipeline) ? textToImage(look, root) : null;
  const version = index['_diffusers_version'];
  if (!told)
    remarks.push({
      rule: 'contract-unknown',
      level: 'notice',
      file: candidate.path,
      message: `no standard inputs and outputs are known for ${pipeline || 'a pipeline without a class'}`,
      help: ASK_FOR_CONTRACT,
    });
  return {
    ...emptyReading(candidate),
    framework: { name: 'diffusers', version: typeof version === 'string' ? version : null },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    parameters: parameters === 0 ? null : parameters,
    properties: {
      pipeline,
      components: components.join(', ').slice(0, 1000),
      ...(told && { task: 'text-to-image' }),
    },
    requirements: { diffusers: typeof version === 'string' ? version : null, torch: null },
    remarks,
  };
}

function textToImage(look: Look, root: string) {
  const side = sideOf(look, root);
  return tell(
    {
      generate: {
        inputs: [
          {
            name: assumed('prompt', 'pipelines from text to pictures take a prompt'),
            type: assumed('string', 'a prompt is text'),
            shape: assumed(['batch'], 'one prompt a picture'),
          },
        ],
        outputs: [
          {
            name: assumed('images', 'what pipelines return'),
            type: assumed('uint8', 'pictures of Pillow'),
            shape: derived(['batch', side, side, 3], 'unet.sample_size and the blocks of the vae'),
            profile: 'image',
          },
        ],
      },
    },
    'generate',
  );
}

/** Height and width of a picture, where it follows: every block of the decoder but the first doubles what the UNet makes. */
function sideOf(look: Look, root: string): number | null {
  const size = object(readJson(look, `${root}unet/config.json`))?.['sample_size'];
  const blocks = readJson(look, `${root}vae/config.json`)?.['block_out_channels'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || !Array.isArray(blocks)) return null;
  const side = size * 2 ** (blocks.length - 1);
  return blocks.length > 0 && Number.isSafeInteger(side) && side < 100_000 ? side : null;
}
