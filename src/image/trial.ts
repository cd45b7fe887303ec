import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { admits } from '../contract/admits.ts';
import { samplePayload } from '../contract/sample.ts';
import { type Contract, defaultSignature } from '../contract/types.ts';
import type { Remark } from '../formats/format.ts';
import type { ModelDirectory } from '../model/walk.ts';
import { messageOf, UserError } from '../ports/errors.ts';
import type { Exec } from '../ports/exec.ts';
import type { ImagePorts } from './docker.ts';
import { INSIDE } from './dockerfile.ts';

export interface TrialOptions {
  /** Name of the image in the local engine. */
  readonly reference: string;
  readonly contract: Contract;
  /** Where `samples/<signature>.json` may be. */
  readonly directory: ModelDirectory;
  /** How long the model may take to be loaded; 120 s by default. */
  readonly readyWithinMs?: number;
  /** As Docker writes it; `4g` by default. */
  readonly memory?: string;
}

/** One call that was made. */
export interface Call {
  readonly signature: string;
  readonly request: unknown;
  readonly status: number;
  readonly response: unknown;
}

export interface Trial {
  readonly remarks: readonly Remark[];
  readonly calls: readonly Call[];
}

/** Longest sample file that is read. */
const MAX_SAMPLE = 8 * 1024 * 1024;

/**
 * Starts the image as a careful platform would (no rights, nothing writable but /tmp, memory capped), waits until
 * the model is loaded, calls every signature with a sample and holds the answers against the contract; then sends
 * what the contract does not admit, which the server has to refuse by name. The container is always removed.
 * @throws UserError when the engine does not start the container at all.
 */
export async function tryImage(options: TrialOptions, ports: ImagePorts): Promise<Trial> {
  const { exec, log } = ports;
  const started = await exec('docker', [
    ...['run', '--detach', '--publish', `127.0.0.1::${INSIDE.port}`, '--memory', options.memory ?? '4g'],
    ...['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--pids-limit', '1024', options.reference],
  ]);
  const container = started.stdout.trim();
  if (started.code !== 0) {
    if (/^[0-9a-f]{12,64}$/.test(container)) await exec('docker', ['rm', '--force', '--volumes', container]);
    throw new UserError(`the image cannot be started: ${started.stderr.trim()}`, {
      help: 'This is what Docker said; `docker run` has to work on this machine.',
    });
  }
  try {
    const problem = await waitUntilReady(container, options.readyWithinMs ?? 120_000, exec);
    if (typeof problem === 'string') {
      return { remarks: [notReady(problem, await logOf(container, exec))], calls: [] };
    }
    const remarks: Remark[] = [];
    const calls: Call[] = [];
    for (const signature of Object.keys(options.contract.signatures)) {
      const { call, found } = await trySignature(problem.url, signature, options);
      if (call) calls.push(call);
      remarks.push(...found);
      if (call) log.debug(`POST /predict/${signature} → ${call.status}`);
    }
    if (calls.some((call) => call.status >= 500)) log.warn(await logOf(container, exec));
    return { remarks, calls };
  } finally {
    await exec('docker', ['rm', '--force', '--volumes', container]);
  }
}

/** The server's address, or why it does not become ready. */
async function waitUntilReady(
  container: string,
  withinMs: number,
  exec: Exec,
): Promise<{ url: string } | string> {
  const port = await exec('docker', ['port', container, `${INSIDE.port}/tcp`]);
  const url = `http://${port.stdout.trim().split('\n')[0] ?? ''}`;
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (port.code === 0 && (await isReady(url))) return { url };
    const state = await exec('docker', [
      'inspect',
      '--format',
      '{{.State.Running}} {{.State.ExitCode}}',
      container,
    ]);
    const [running, exitCode] = state.stdout.trim().split(' ');
    if (running !== 'true')
      return exitCode === '137'
        ? 'the container was killed: it needs more memory'
        : `the server ended with code ${exitCode}`;
    if (Date.now() > deadline) return `the model was not loaded within ${Math.round(withinMs / 1000)} s`;
    await sleep(250);
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) })).status === 200;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

async function logOf(container: string, exec: Exec): Promise<string> {
  const { stdout, stderr } = await exec('docker', ['logs', '--tail', '40', container]);
  return `${stdout}${stderr}`.trim();
}

async function trySignature(
  url: string,
  signature: string,
  options: TrialOptions,
): Promise<{ call: Call | null; found: Remark[] }> {
  const { contract } = options;
  const path = `${url}/predict/${encodeURIComponent(signature)}`;
  const sample = sampleFor(signature, options);
  const found: Remark[] = [];
  if (!sample) {
    const message = `signature ${signature} was not called: its inputs are not known well enough to make a request`;
    const help = `Add samples/${signature}.json with a payload to the model directory.`;
    return {
      call: null,
      found: [{ rule: 'image-not-called', level: 'notice', subject: signature, message, help }],
    };
  }
  const answer = await post(path, sample.payload);
  const call: Call = { signature, request: sample.payload, ...answer };
  const example = shorten(sample.payload);
  if (answer.status !== 200) {
    const said =
      typeof answer.response === 'object' ? JSON.stringify(answer.response) : String(answer.response);
    found.push({
      rule: 'image-breaks-contract',
      level: 'error',
      subject: signature,
      message: `signature ${signature} answers ${answer.status} to a payload that the contract admits: ${said.slice(0, 300)}`,
      help: sample.own
        ? `Correct the contract or ${sample.own}; the container's log is above.`
        : `Say in contract.yaml what it accepts (categories, range), or add samples/${signature}.json.`,
      example,
    });
    return { call, found };
  }
  const sizes = new Map<string, number>();
  admits(contract, signature, sample.payload, 'input', sizes);
  for (const violation of admits(contract, signature, answer.response, 'output', sizes))
    found.push({
      rule: 'image-breaks-contract',
      level: 'error',
      subject: `${signature}.outputs.${violation.path}`,
      message: `the answer of signature ${signature} is not what the contract says: ${violation.path} ${violation.message}`,
      help: 'Correct the outputs in contract.yaml, or the model.',
      example,
    });
  found.push(...(await tryGarbage(path, signature, sample.payload, contract)));
  return { call, found };
}

/** Sends requests that break the contract: each has to be refused with 400 and the name of the field. */
async function tryGarbage(
  path: string,
  signature: string,
  payload: Readonly<Record<string, unknown>>,
  contract: Contract,
): Promise<Remark[]> {
  const inputs = contract.signatures[signature]?.inputs ?? [];
  const required = inputs.find((field) => field.optional !== true);
  const typed = inputs.find((field) => field.type !== null && field.name in payload);
  const requests: { body: unknown; field: string | undefined; what: string }[] = [
    { body: [], field: undefined, what: 'a list in place of an object' },
  ];
  if (required) {
    const { [required.name]: _left, ...rest } = payload;
    requests.push({ body: rest, field: required.name, what: `no ${required.name}` });
  }
  if (typed)
    requests.push({
      body: { ...payload, [typed.name]: null },
      field: typed.name,
      what: `null as ${typed.name}`,
    });
  const found: Remark[] = [];
  for (const { body, field, what } of requests) {
    const { status, response } = await post(path, body);
    const named = field === undefined || (isObject(response) && response['field'] === field);
    if (status === 400 && named) continue;
    found.push({
      rule: 'image-accepts-garbage',
      level: 'error',
      subject: signature,
      message: `the server answers ${status} to a request with ${what}; 400 with the field's name was due`,
      help: 'A server of your own has to hold requests against the contract before the model sees them.',
      example: shorten(body),
    });
  }
  return found;
}

/** The user's own sample, else a generated one; `null` where there is neither. */
function sampleFor(
  signature: string,
  { directory, contract }: TrialOptions,
): { payload: Readonly<Record<string, unknown>>; own: string | null } | null {
  const isDefault = defaultSignature(contract) === signature;
  const file =
    directory.files.find((one) => one.path === `samples/${signature}.json`) ??
    (isDefault ? directory.files.find((one) => one.path === 'samples/sample.json') : undefined);
  if (file && file.size <= MAX_SAMPLE) {
    const where = { file: `${directory.path}/${file.path}` };
    let payload: unknown;
    try {
      payload = JSON.parse(readFileSync(file.absolute, 'utf8'));
    } catch (error) {
      throw new UserError(`the sample is not JSON: ${messageOf(error)}`, where);
    }
    const [wrong] = admits(contract, signature, payload, 'input');
    if (wrong || !isObject(payload))
      throw new UserError(
        `the sample breaks the contract: ${wrong?.path ?? ''} ${wrong?.message ?? 'no object'}`,
        {
          ...where,
          help: 'A sample is a request body: an object with a value for every input.',
        },
      );
    return { payload, own: file.path };
  }
  const payload = samplePayload(contract, signature);
  return isObject(payload) ? { payload, own: null } : null;
}

async function post(url: string, body: unknown): Promise<{ status: number; response: unknown }> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body, (_key, value: unknown) =>
        typeof value === 'bigint' ? Number(value) : value,
      ),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    try {
      return { status: answer.status, response: JSON.parse(text) as unknown };
    } catch {
      return { status: answer.status, response: text };
    }
  } catch (error) {
    return { status: 0, response: `no answer: ${messageOf(error)}` };
  }
}

function notReady(problem: string, log: string): Remark {
  return {
    rule: 'image-not-ready',
    level: 'error',
    message: `the image was started and did not become ready: ${problem}\n${log}`.trim(),
    help: 'The lines are the log of the container: a missing package belongs into requirements.txt.',
  };
}

function shorten(body: unknown): string {
  const text =
    JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ?? '';
  return text.length > 200 ? `${text.slice(0, 197)}…` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
