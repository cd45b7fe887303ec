import { join } from 'node:path';
import { argv, exit, memoryUsage, stdout } from 'node:process';
import { fuzz } from '../test/helpers/fuzz.ts';
import { truthCases } from '../test/helpers/truth.ts';

/*
 * The nightly fuzzer: `npm run fuzz -- [inputs a format] [format …]`. Seeds go on from the day, so that every night reads
 * other inputs; a crash prints the seed that repeats it.
 */
const [count = '100000', ...only] = argv.slice(2);
const cases = truthCases(join(import.meta.dirname, '../test/fixtures/models'));
const formats = [...new Set(cases.map((one) => one.format))].filter(
  (id) => only.length === 0 || only.includes(id),
);
const firstSeed = Math.floor(Date.now() / 86_400_000) * 1_000_000;
const BATCH = 1000;
let failed = 0;
for (const format of formats) {
  const directories = cases.filter((one) => one.format === format).map((one) => one.directory);
  const before = memoryUsage.rss();
  let done = 0;
  for (; done < Number(count); done += BATCH) {
    const crashes = await fuzz(directories, Math.min(BATCH, Number(count) - done), firstSeed + done);
    failed += crashes.length;
    for (const crash of crashes)
      stdout.write(`${format} seed ${crash.seed} ${crash.file}\n${crash.problem}\n`);
  }
  const grown = Math.max(0, memoryUsage.rss() - before) / 1e6;
  stdout.write(
    `${format}: ${count} inputs, ${failed} crashes or hangs so far, ${grown.toFixed(0)} MB grown\n`,
  );
}
exit(failed > 0 ? 1 : 0);
