import { open } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { tell } from '../told.ts';
import { ASK_FOR_CONTRACT } from '../weights.ts';
import { scanZip } from '../wire/scan.ts';
import { worst } from '../wire/scan-result.ts';
import { entryBytes, findEntry, openZip, type Zip } from '../wire/zip.ts';
import { torchArchive } from './archive.ts';
import { namedDimensions, signatureIn } from './export-signature.ts';
import { jsonMember, pickleMember, textMember } from './members.ts';
import { tensorsBelow } from './tensors.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readTorchExport(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  const archive = file && torchArchive(look, file);
  if (!file || !archive) throw new Malformed('the file is gone');
  using bytes = open(file);
  // Awaited here: the file is closed when this function ends.
  return await readArchive(candidate, openZip(bytes), archive.root);
}

async function readArchive(candidate: Candidate, zip: Zip, root: string): Promise<Reading> {
  const programs = zip.entries
    .map((entry) => entry.name)
    .filter(
      (name) =>
        name === `${root}serialized_exported_program.json` ||
        (name.startsWith(`${root}models/`) && /^[^/]+\.json$/.test(name.slice(`${root}models/`.length))),
    );
  const scan = await scanZip(zip, candidate.path);
  const native = nativeCode(candidate, zip);
  const remarks = [...scan.remarks, ...native];
  const risk = worst(scan.risk, native.length > 0 ? 'review' : 'none');
  const [first, ...others] = programs;
  const base: Reading = {
    ...emptyReading(candidate),
    framework: { name: 'torch', version: null },
    risk,
    remarks,
  };
  if (first === undefined)
    return {
      ...base,
      remarks: [
        ...remarks,
        {
          rule: 'contract-unknown',
          level: 'notice',
          file: candidate.path,
          message:
            'the archive has no exported program, so nothing in it says what the model takes and returns',
          help: ASK_FOR_CONTRACT,
        },
      ],
    };
  const program = jsonMember(zip, first);
  if (!program) throw new Malformed(`${first} is missing`);
  const read = signatureIn(program, await storedWeights(zip, root, first));
  const names = programs.map((name) => name.slice(name.lastIndexOf('/') + 1, -'.json'.length));
  // One program is called `forward`, as its method is; several go by their names.
  const signatures = {
    ...(others.length === 0 ? { forward: read.signature } : { [names[0] ?? 'forward']: read.signature }),
    ...Object.fromEntries(
      others
        .slice(0, 100)
        .map((name, index) => [names[index + 1] ?? name, signatureIn(jsonMember(zip, name) ?? {}).signature]),
    ),
  };
  const told = tell(signatures, others.length === 0 ? 'forward' : (names[0] ?? 'forward'));
  const version = typeof program['torch_version'] === 'string' ? program['torch_version'] : null;
  // What follows `+` names the build (CUDA, CPU); package indexes do not have it.
  const released = version?.replace(/\+.*$/, '') ?? null;
  const layout = first.endsWith('serialized_exported_program.json')
    ? textMember(zip, `${root}version`)?.trim()
    : null;
  return {
    ...base,
    framework: { name: 'torch', version },
    contract: told.contract,
    evidence: told.evidence,
    parameters: read.parameters,
    properties: {
      ...read.properties,
      ...namedDimensions(program),
      ...(layout && { 'archive version': layout }),
    },
    requirements: { torch: released },
  };
}

/** What each weight of a program is stored as, by its name: weights that are one are stored once. */
async function storedWeights(zip: Zip, root: string, program: string): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  const name = program.slice(program.lastIndexOf('/') + 1, -'.json'.length);
  const config = findEntry(zip, `${root}data/weights/${name}_weights_config.json`);
  if (config) {
    const weights = jsonMember(zip, config.name)?.['config'] as
      | Record<string, { path_name?: unknown; tensor_meta?: unknown } | null>
      | undefined;
    for (const [weight, place] of Object.entries(weights ?? {}).slice(0, 200_000))
      if (typeof place?.path_name === 'string')
        out.set(weight, `${place.path_name} ${JSON.stringify(place.tensor_meta)}`);
    return out;
  }
  const state = findEntry(zip, `${root}serialized_state_dict.pt`);
  if (state?.method !== 0) return out;
  const inner = openZip(entryBytes(zip, state, state.size));
  const pickle = inner.entries.find((entry) => /(^|\/)data\.pkl$/.test(entry.name));
  const read = pickle ? await pickleMember(inner, pickle.name) : null;
  for (const one of tensorsBelow(read?.values[0])) if (one.identity !== '') out.set(one.name, one.identity);
  return out;
}

/** Machine code that AOTInductor compiled: loading the archive runs it. */
function nativeCode(candidate: Candidate, zip: Zip): Remark[] {
  const code = zip.entries.filter((entry) => /\.(so|dll|dylib|pyd)$|\.so\.\d/.test(entry.name));
  return code.slice(0, 10).map((entry) => ({
    rule: 'code-active',
    level: 'warning',
    file: candidate.path,
    subject: entry.name,
    message: `"${entry.name}" is machine code that runs when the model is loaded`,
    help: 'Use it only if you compiled it yourself, or export the program without AOTInductor.',
  }));
}
