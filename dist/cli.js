#!/usr/bin/env node
import e from"node:module";e.enableCompileCache?.();const{runTerminal:t}=await import(`./chunks/main-B_2LrNYq.js`);process.exitCode=await t(process.argv.slice(2));export{};