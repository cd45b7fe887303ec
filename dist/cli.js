#!/usr/bin/env node
import e from"node:module";e.enableCompileCache?.();const{runTerminal:t}=await import(`./chunks/main-6OS6ZUF2.js`);process.exitCode=await t(process.argv.slice(2));export{};