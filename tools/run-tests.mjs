// Runs compiled test files, each in a process of its own, in the order given; `node --test` would sort them by name.
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/**
 * How many run at a time. Many wait most of the time, for rounds of agents and for disks: with three at a time two cores
 * were busy for half of it. With five servers and agents that are up for longer take more than is won.
 */
const CONCURRENCY = 4;

// The spec reporter repeats what failed at the end, where one looks first.
run({ files: process.argv.slice(2), concurrency: CONCURRENCY })
  .on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
