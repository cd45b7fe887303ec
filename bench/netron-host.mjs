/**
 * Opens one model with Netron's own detection and reader, as its window would, but in a bare Node process:
 *
 *     node --preserve-symlinks bench/netron-host.mjs NETRON MODEL
 *
 * NETRON is the folder with Netron's JavaScript (of PyPI's `netron`), MODEL a file, or `saved_model.pb` in its
 * folder. Prints the format, and the names of the inputs that Netron saw. Nothing of Netron is in this repository.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , netron, model] = process.argv;
const load = (name) => import(pathToFileURL(join(netron, name)).href);
const { FileStream } = await load('node.js');
const { ModelFactoryService } = await load('view.js');

const stream = (path) => {
  const { size, mtimeMs } = statSync(path);
  return new FileStream(path, 0, size, mtimeMs);
};

/** What Netron asks of the program around it. */
const host = {
  type: 'Node',
  environment: () => undefined,
  require: (id) => load(`${id}.js`),
  asset: async (file) => readFileSync(join(netron, file), 'utf8'),
  event() {},
  exception(error, fatal) {
    if (fatal) throw error;
  },
};

const context = {
  identifier: basename(model),
  stream: stream(model),
  require: host.require,
  asset: host.asset,
  fetch: async (file, encoding, base) => {
    const path = join(dirname(model), base ?? '', file);
    return encoding ? readFileSync(path, encoding) : stream(path);
  },
  error: host.exception,
};

const opened = await new ModelFactoryService(host).open(context);
const inputs = opened.modules?.[0]?.inputs ?? [];
console.log(JSON.stringify({ format: opened.format, inputs: inputs.map((input) => input.name) }));
