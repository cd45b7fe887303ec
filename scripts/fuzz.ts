import { argv, exit, stdout } from 'node:process';
import { Worker } from 'node:worker_threads';
import { fuzz, held } from '../test/helpers/fuzz.ts';
import { seedsByFormat } from '../test/helpers/seeds.ts';

/*
 * The nightly fuzzer: `npm run fuzz -- [inputs a format] [format … | part/parts]`, such as `100000 2/6` for every sixth
 * format. Seeds go on from the day, so that every night reads other inputs; a crash prints the seed that repeats it.
 */
const [count = '100000', ...only] = argv.slice(2);
const [, part = '1', parts = '1'] = /^(\d+)\/(\d+)$/.exec(only[0] ?? '') ?? [];
const chosen = [...seedsByFormat()].filter(([format], index) =>
  parts === '1' ? only.length === 0 || only.includes(format) : index % Number(parts) === Number(part) - 1,
);
const firstSeed = Math.floor(Date.now() / 86_400_000) * 1_000_000;
const BATCH = 1000;
/** What may be held more at the end than after the first batch, in bytes. */
const GROWTH = 16 * 1024 * 1024;

// Whoever never comes back cannot say so himself.
const current = new Float64Array(new SharedArrayBuffer(8));
const WATCH = `const { workerData } = require('node:worker_threads');
let last = -1;
setInterval(() => {
  if (workerData[0] === last) {
    require('node:fs').writeSync(2, 'seed ' + last + ' does not come to an end\\n');
    process.kill(process.pid, 'SIGKILL');
  }
  last = workerData[0];
}, 60_000);`;
new Worker(WATCH, { eval: true, workerData: current }).unref();

let failed = 0;
for (const [format, models] of chosen) {
  let before = 0;
  for (let done = 0; done < Number(count); done += BATCH) {
    const crashes = await fuzz(models, Math.min(BATCH, Number(count) - done), firstSeed + done, (seed) => {
      current[0] = seed;
    });
    failed += crashes.length;
    for (const crash of crashes)
      stdout.write(`${format} seed ${crash.seed} ${crash.file}\n${crash.problem}\n`);
    if (done === 0) before = await held();
  }
  const grown = (await held()) - before;
  if (grown > GROWTH) failed += 1;
  stdout.write(
    `${format}: ${count} inputs, ${failed} failures so far, ${(grown / 1e6).toFixed(1)} MB grown\n`,
  );
}
exit(failed > 0 ? 1 : 0);
