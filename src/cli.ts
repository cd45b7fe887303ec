#!/usr/bin/env node
import module from 'node:module';

// Compiled code is kept between runs (Node 22.1 and newer), which halves the start of what follows.
module.enableCompileCache?.();
const { runTerminal } = await import('./cli/main.ts');
process.exitCode = await runTerminal(process.argv.slice(2));
